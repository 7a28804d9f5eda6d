// A classroom site in Firefox: `node tests/app/firefox.mjs SITE [ADDRESS]`, SITE a folder written by
// `tcellabm classroom`, ADDRESS where a static server shows it; without, it is opened from files.
// Needs Debian's firefox-esr and `npm install puppeteer-core@24.15` in the folder of PUPPETEER_FROM (a package.json);
// later ones ask for commands that the ESR does not have.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const puppeteer = createRequire(process.env.PUPPETEER_FROM || import.meta.url)("puppeteer-core");
const [folder, server] = process.argv.slice(2);
const base = server || `${pathToFileURL(resolve(folder))}/`;
const SIZES = { desk: [1280, 720], phone: [390, 844] };
const faults = [];
let held = 0;

const browser = await puppeteer.launch({
  browser: "firefox", executablePath: process.env.FIREFOX || "/usr/bin/firefox-esr", headless: true,
});

function check(name, met) {
  if (met) held += 1;
  else faults.push(name);
}

async function opened(hash, [width, height]) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(`${hash}: ${error.message}`));
  page.on("console", (line) => { if (line.type() === "error") faults.push(`${hash}: ${line.text()}`); });
  await page.setViewport({ width, height });
  await page.goto(`${base}index.html${hash}`);
  await page.waitForSelector("h1, .panel.tree h2");
  return page;
}

const playing = (page) => page.waitForFunction("document.querySelector('.twins')?.stats?.frames > 0");

async function toTheStop(page) {
  await playing(page);
  await page.evaluate(() => {
    const bar = document.querySelector(".timeline input[type=range]");
    bar.value = bar.max;
    bar.dispatchEvent(new Event("change"));
  });
}

async function decide(page, answer, option) {
  await toTheStop(page);
  await page.waitForSelector(".stop .option");
  await page.evaluate(([a, o]) => {
    document.querySelectorAll(".stop input[type=radio]")[a].click();
    document.querySelectorAll(".stop .option")[o].click();
  }, [answer, option]);
}

const wide = (page, width) => page.evaluate((most) => document.documentElement.scrollWidth > most, width);

for (const [name, size] of Object.entries(SIZES)) {
  const home = await opened("", size);
  check(`${name}: home fits`, !(await wide(home, size[0])));
  check(`${name}: six cards`, (await home.$$(".cards .card")).length === 6);

  const begun = performance.now();
  const story = await opened("#story=rescue", size);
  await playing(story);
  console.log(`${name}: first picture of a story after ${((performance.now() - begun) / 1000).toFixed(2)} s`);
  await decide(story, 0, 2);
  await decide(story, 2, 0);
  await toTheStop(story);
  await story.waitForSelector("dialog.end[open]");
  await story.click("dialog.end button");
  const verdict = await story.$eval(".verdict", (node) => node.innerText);
  check(`${name}: predicted beside seen`, verdict.includes("You predicted") && verdict.includes("It was"));
  check(`${name}: story fits`, !(await wide(story, size[0])));
  check(`${name}: the way is in the address`, story.url().includes("way=2,0"));

  const hundred = await opened("#hundred=2,1,0", size);
  await hundred.waitForSelector(".dots .dot");
  await hundred.evaluate(() => {
    const dose = document.querySelector("input[type=range]");
    dose.value = 0;
    dose.dispatchEvent(new Event("input", { bubbles: true }));
    dose.dispatchEvent(new Event("change", { bubbles: true }));
  });
  check(`${name}: the slider moves`, hundred.url().includes("hundred=0,1,0"));
  await hundred.click(".dots .dot");
  await playing(hundred);
  check(`${name}: a dot opens a patient`, hundred.url().includes("patient=0"));
  for (const page of [home, story, hundred]) await page.close();
}

const sheet = await browser.newPage();
await sheet.goto(`${base}worksheet.html`);
check("the worksheet", (await sheet.$eval("h1", (node) => node.textContent)).includes("worksheet"));
await browser.close();
console.log(faults.map((fault) => `MISSED ${fault}`).join("\n"));
console.log(`firefox: ${held + faults.length} tried, ${faults.length} misses`);
process.exit(faults.length ? 1 : 0);
