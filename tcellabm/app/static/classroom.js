// The classroom edition: a home page, story trees, a hundred patients. Everything stands in the
// address behind the #, and data come as scripts, since browsers load nothing else from a file.

import { Answers, written } from "./answers.js";
import { HundredPage, PatientPage } from "./hundred.js";
import { TreePage } from "./tree.js";
import { h, set, speak } from "./words.js";

const PROJECTOR = "projector";

export class Classroom {
  constructor(root, site) {
    Object.assign(this, { root, site, texts: site.texts, loaded: {} });
    speak(site.texts.page);
    this.read();
    this.answers = new Answers(this.asked.get("answers"));
    window.addEventListener("hashchange", () => this.open());
    this.open();
  }

  read() { this.asked = new URLSearchParams(location.hash.slice(1)); }

  // Data come by scripts that call `CLASSROOM.take`.
  load(name) {
    this.loaded[name] ??= new Promise((resolve, reject) => {
      const script = h("script", { src: `data/${name}.js`, onload: () => resolve(CLASSROOM.data[name]), onerror: () => reject(new Error(name)) });
      document.head.append(script);
    });
    return this.loaded[name];
  }

  async open() {
    if (this.page) this.page.close();
    this.page = null;
    this.read();
    document.body.classList.toggle(PROJECTOR, this.asked.has(PROJECTOR));
    const main = h("div", { class: "page" });
    this.root.replaceChildren(main);
    window.scrollTo(0, 0);
    try {
      await this.fill(main);
    } catch (fault) {
      main.replaceChildren(h("p", { class: "error", role: "alert" }, `${this.texts.not_loaded} ${fault.message}`), this.home());
    }
  }

  async fill(main) {
    const { asked, site } = this, story = asked.get("story"), place = this.numbers("hundred");
    if (story in site.trees) await this.openStory(main, story);
    else if (place && asked.has("patient")) this.openPatient(main, place);
    else if (place) this.openHundred(main, place);
    else main.replaceChildren(this.home());
  }

  async openStory(main, name) {
    const data = await this.load(`story-${name}`);
    if (this.asked.get("story") !== name) return; // another page was asked for meanwhile
    const tree = this.site.trees[name], way = this.numbers("way") || [];
    const possible = tree.paths.some((path) => way.every((option, i) => path.choices[i] === option));
    const changed = () => this.keep({ story: name, way: this.page.choices });
    const choices = possible ? way : [];
    this.page = new TreePage(main, this.site, name, data, { choices, answers: this.answers, changed, tools: this.tools() });
  }

  // Values of the axes that there are.
  inside(place) { return this.site.hundred.axes.map((axis, i) => Math.min(Math.max(place[i] || 0, 0), axis.values.length - 1)); }

  openPatient(main, place) {
    const number = Math.min(Math.max(Number(this.asked.get("patient")) || 0, 0), this.site.hundred.patients - 1);
    const inside = this.inside(place);
    this.page = new PatientPage(main, this.site, inside, number, {
      load: (name) => this.load(name), back: this.hash({ hundred: inside }), tools: this.tools(),
    });
  }

  openHundred(main, place) {
    const changed = (more) => {
      const now = { hundred: this.page.place, ...more };
      if ("patient" in more) location.hash = this.hash(now);
      else this.keep(now);
    };
    this.page = new HundredPage(main, this.site, this.inside(place), this.answers, changed);
    main.querySelector(".head").append(this.tools());
  }

  numbers(name) {
    const text = this.asked.get(name);
    return text === null ? null : text.split(",").filter(Boolean).map(Number);
  }

  // --- the address ---------------------------------------------------------------------------

  hash(parts, projector = this.asked.has(PROJECTOR)) {
    const pairs = Object.entries(parts).map(([name, value]) => `${name}=${value}`);
    return `#${[...pairs, ...(projector ? [PROJECTOR] : [])].join("&")}`;
  }

  keep(parts) {
    this.parts = parts;
    history.replaceState(null, "", this.hash(parts));
    this.read();
  }

  // --- what stands on every page -------------------------------------------------------------

  tools() {
    const button = (text, act) => h("button", { type: "button", onclick: act }, text);
    this.link = h("input", { class: "link", readonly: true, hidden: true, "aria-label": this.texts.link });
    return h("div", { class: "tools" },
      button(this.texts.copy_link, () => this.copy()),
      button(this.asked.has(PROJECTOR) ? this.texts.projector_off : this.texts.projector_on, () => this.project()), this.link);
  }

  project() {
    const parts = [...this.asked].filter(([name]) => name !== PROJECTOR);
    location.hash = this.hash(Object.fromEntries(parts), !this.asked.has(PROJECTOR));
  }

  // A link that brings what is shown, and what was predicted.
  async copy() {
    const parts = [...this.asked].filter(([name]) => name !== PROJECTOR && name !== "answers");
    const answers = written(this.answers.all);
    const url = new URL(location.href);
    url.hash = this.hash({ ...Object.fromEntries(parts), ...(answers ? { answers } : {}) });
    this.link.value = url.href;
    this.link.hidden = false;
    this.link.select();
    try {
      await navigator.clipboard.writeText(url.href);
    } catch {
      // the link stands there, selected
    }
  }

  // --- home ----------------------------------------------------------------------------------

  home() {
    const { texts, site } = this;
    const card = (title, lead, href, text) => h("article", { class: "card" }, h("h2", {}, title), h("p", {}, lead), h("p", {}, h("a", { class: "go", href }, text)));
    const stories = Object.entries(site.trees).map(([name, tree]) => card(tree.title, tree.lead, this.hash({ story: name }), texts.open_story));
    return h("div", { class: "home" },
      h("header", { class: "head" }, h("h1", {}, texts.title), h("span", { class: "notice" }, texts.notice), this.tools()),
      h("p", { class: "lead" }, texts.lead),
      ...(this.answers.linked ? [h("p", { class: "lead" }, texts.from_link)] : []),
      h("div", { class: "cards" }, ...stories,
        card(texts.hundred_title, texts.hundred_card, this.hash({ hundred: site.hundred.start }), texts.open_hundred)),
      this.teacher());
  }

  teacher() {
    const { texts } = this, address = location.href.split("#")[0];
    const embed = `<iframe src="${address}#story=rescue" title="${texts.title}" width="100%" height="720"></iframe>`;
    const forget = h("button", { type: "button", onclick: () => { this.answers.clear(); set(done, texts.forgotten); } }, texts.forget), done = h("span", { role: "status" });
    return h("section", { class: "card teacher" }, h("h2", {}, texts.teacher),
      h("ul", {}, h("li", {}, h("a", { href: "worksheet.html" }, texts.worksheet)), h("li", {}, h("a", { href: "answers.html" }, texts.key)),
        h("li", {}, texts.projector_hint), h("li", {}, texts.embed, h("code", {}, embed)), h("li", {}, texts.translate), h("li", {}, forget, " ", done)));
  }
}
