// The page: takes messages from whoever plays (the server, or a replay), shows them, sends commands.

import { Arm, TITLES } from "./arm.js";
import { INK } from "./charts.js";
import { Controls } from "./controls.js";
import { h, set, t } from "./words.js";
import { Welcome } from "./welcome.js";

const NOTICE = "Teaching model \u2013 not for clinical use";

const SHORTEST = 1 / 60; // seconds between two pictures: more is work that nobody sees

// One idea a screen: all, or one of them large.
const VIEWS = { all: "All", marrow: "Marrow", curves: "Curves", bed: "Bedside" };

export class Stage {
  // A `panel` stands in the place of stories and actions.
  constructor(root, source, panel = null) {
    Object.assign(this, { root, source, stats: { frames: 0, draws: 0 }, latest: null, moving: 0 });
    this.tell = (command) => source.tell(command);
    this.motion = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.controls = new Controls(this.tell, this, panel);
    this.arms = { a: new Arm("a", this.tell), b: new Arm("b", this.tell) };
    this.status = h("p", { class: "status", role: "status" }, "Starting\u2026");
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.remark = h("p", { class: "remark", role: "status", hidden: true });
    this.spoken = h("p", { class: "hidden-text", "aria-live": "polite" });
    this.tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.welcome = new Welcome();
    this.end = h("dialog", { class: "end", "aria-label": "How it ended" });
    this.views = Object.fromEntries(Object.entries(VIEWS).map(([name, text]) => [name,
      h("button", { type: "button", "aria-pressed": "false", onclick: () => this.view(name) }, text)]));
    this.top = h("header", { class: "top" },
      h("h1", {}, "CAR T cells against leukemia: two twins"),
      h("span", { class: "notice" }, NOTICE), this.status,
      h("div", { class: "views", role: "group", "aria-label": "What is shown large" }, ...Object.values(this.views)));
    root.className = `twins${source.keeps ? " replay" : ""}${panel ? " recorded" : ""}`;
    Object.assign(root, { stats: this.stats, source }); // for tests and measurements
    root.replaceChildren(this.top, this.error, this.remark,
      h("div", { class: "scene" }, this.controls.node, this.arms.a.node, this.arms.b.node),
      this.controls.bar, this.spoken, this.tip, this.welcome.node, this.end);
    this.view("all");
    this.onKey = (event) => { if (this.about && !this.end.open) this.controls.key(event); };
    document.addEventListener("keydown", this.onKey);
    for (const kind of ["pointerover", "focusin"]) root.addEventListener(kind, (event) => this.explain(event.target));
    for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, () => { this.tip.hidden = true; });
    const loop = (time) => {
      this.draw(time / 1000);
      this.timer = requestAnimationFrame(loop);
    };
    this.timer = requestAnimationFrame(loop);
    source.listen((message, parts) => this.receive(message, parts));
  }

  close() {
    cancelAnimationFrame(this.timer);
    document.removeEventListener("keydown", this.onKey);
    this.source.close();
  }

  // What a term or a button means, on a line of its own: it covers nothing that is pressed next.
  explain(target) {
    const text = target.closest?.("[data-tip]")?.dataset.tip;
    this.tip.hidden = !text;
    if (text) set(this.tip, text);
  }

  view(name) {
    this.root.dataset.view = name;
    for (const [other, button] of Object.entries(this.views)) button.setAttribute("aria-pressed", `${other === name}`);
    this.width = 0;
  }

  setMotion(on) {
    this.motion = on;
    if (!on) Object.values(this.arms).forEach((arm) => arm.marrow?.events.clear());
    this.stale = true;
  }

  receive(message, parts) {
    if (message.kind === "plan") this.begin(message);
    else if (message.kind === "frame") this.take(message, parts);
    else if (message.kind === "status") this.setStatus(message.text, message.share);
    else if (message.kind === "note") this.note(message.text);
    else if (message.kind === "lost") this.lose(message.text);
    else if (message.kind === "error") this.fail(message.text);
    else if (message.kind === "file") save(message.name, new Blob([parts[0]]));
  }

  // Rows are taken as they come, pictures when there is time for them.
  take(frame, parts) {
    if (!this.about) return;
    const n = frame.arms.length;
    if (n === 1) this.arms.b.rows = [];
    [this.arms.a, this.arms.b].slice(0, n).forEach((arm, i) => {
      if (!arm.addRows(frame.rows_after[i], rowsOf(parts[n + i], frame.columns))) this.tell({ do: "rows" });
    });
    if (n === 1) this.arms.b.rows = this.arms.a.rows.slice();
    this.latest = { frame, parts };
  }

  begin(about) {
    this.about = about;
    this.error.hidden = this.remark.hidden = true;
    this.welcome.node.remove();
    this.ended = false;
    this.latest = null;
    this.spokenAt = undefined;
    if (this.end.open) this.end.close();
    Object.values(this.arms).forEach((arm) => arm.begin(about));
    this.controls.begin(about);
    this.setGlow(this.glow ?? "il6");
  }

  setStatus(text, share) {
    set(this.status, text);
    this.welcome.say(text, share);
    if (text && this.controls.play) this.controls.play.disabled = true; // until the next frame
  }

  note(text) {
    set(this.remark, text);
    this.remark.hidden = false;
    clearTimeout(this.remarking);
    this.remarking = setTimeout(() => { this.remark.hidden = true; }, 12000);
  }

  lose(text) {
    this.lost = true;
    this.fail(text);
  }

  fail(text) {
    this.setStatus("");
    this.welcome.bar.hidden = true;
    set(this.error, text);
    this.error.hidden = false;
  }

  setGlow(name) {
    this.glow = name;
    for (const { marrow } of Object.values(this.arms)) {
      marrow.glow = name;
      if (marrow.size) marrow.paintGround();
    }
    this.stale = true;
  }

  // Called with every picture of the screen: applies the newest frame, and lets dots wander.
  draw(time) {
    const fresh = this.latest;
    if (fresh) {
      this.latest = null;
      this.show(fresh.frame, fresh.parts, time);
    }
    const playing = this.frame && this.frame.playing && this.motion;
    const moves = (playing || this.lively()) && time - this.drawnAt > SHORTEST;
    if (!this.frame || !(fresh || this.stale || moves || this.resized())) return;
    if (playing) this.moving += Math.min(time - this.drawnAt || 0, 0.1);
    this.drawnAt = time;
    this.stale = false;
    this.stats.dots = Object.values(this.arms).map((arm) => arm.marrow.draw(this.moving, time));
    this.stats.events = Object.values(this.arms).map((arm) => arm.marrow.events.alive.length);
    this.stats.draws += 1;
    if (fresh) this.tell({ do: "drawn", n: fresh.frame.n });
  }

  // Whether something that happened is still being seen.
  lively() {
    return Object.values(this.arms).some((arm) => arm.marrow && arm.marrow.events.alive.length > 0);
  }

  resized() {
    const width = this.root.clientWidth, height = this.root.clientHeight;
    const changed = width !== this.width || height !== this.height;
    Object.assign(this, { width, height });
    if (changed && this.frame) Object.values(this.arms).forEach((arm) => arm.redraw(this.frame));
    return changed;
  }

  show(frame, parts, time) {
    const n = frame.arms.length;
    const apart = n === 2;
    const days = this.frame && frame.playing ? frame.day - this.frame.day : 0;
    this.frame = frame;
    Object.assign(this.root, { day: frame.day, given: frame.given.length });
    this.stats.frames += 1;
    const [a, b] = [this.arms.a, this.arms.b];
    const [mine, other] = (apart && frame.subtitles) || ["", "not given what your patient got"];
    a.show(frame, frame.arms[0], parts[0], apart ? mine : "same as the twin so far");
    b.show(frame, frame.arms[n - 1], parts[n - 1], apart ? other : "same as your patient so far");
    if (days > 0 && this.motion) {
      [a, b].forEach((arm, i) => arm.marrow.events.add(frame.arms[Math.min(i, n - 1)].flows || {}, days, arm.marrow.scale(), time));
    }
    if (this.lost) this.error.hidden = true;
    this.lost = false;
    this.controls.show(frame);
    this.setStatus("");
    this.controls.play.disabled = Boolean((frame.ended || frame.waits) && !frame.playing);
    this.say(frame);
    if (frame.query != null && this.onQuery) this.onQuery(frame.query);
    if (frame.ended && !this.ended) this.finish(frame.ending);
    this.ended = Boolean(frame.ended);
  }

  // A screen reader hears the state when play stops and when the grade changes, not 25 times a second.
  say(frame) {
    const key = `${frame.playing}|${frame.arms.map(({ grades, edema, died }) => `${Object.values(grades)}${edema}${died}`)}|${frame.given.length}`;
    if (key === this.spokenAt) return;
    this.spokenAt = key;
    const paused = frame.playing ? "" : `${t("Paused.")} `;
    this.spoken.textContent = `${paused}${this.arms.a.words} ${frame.arms.length === 2 ? this.arms.b.words : t("The twin is the same.")}`;
  }

  finish(ending) {
    if (!ending) return;
    this.end.replaceChildren(
      h("h2", {}, ending.title),
      ending.why ? h("p", { class: "why" }, ending.why) : null,
      h("div", { class: "ends" }, ...ending.arms.map((arm) => h("section", {},
        h("h3", {}, `${TITLES[arm.name]}: ${arm.word}`),
        h("ul", {}, ...arm.said.map((text) => h("li", {}, text))),
        ending.why ? null : h("p", {}, arm.why)))),
      h("p", { class: "notice" }, `${NOTICE}. Scrub back and act differently to see another ending.`),
      h("form", { method: "dialog" }, h("button", { autofocus: true }, "Close")));
    this.end.dataset.asTold = ending.as_told;
    if (!this.end.open) this.end.showModal();
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.setStatus("Link copied");
    } catch {
      this.setStatus("The link is in the address bar");
    }
  }

  picture() {
    const width = 1400, height = 800, canvas = h("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.fillStyle = INK;
    context.font = "bold 22px system-ui, sans-serif";
    context.fillText(`CAR T cells against leukemia, day ${this.frame.day.toFixed(1)}`, 20, 34);
    context.font = "15px system-ui, sans-serif";
    context.fillText(NOTICE, 20, 58);
    Object.values(this.arms).forEach((arm, i) => {
      const x = 20 + i * 690;
      context.fillStyle = INK;
      context.fillText(arm.words, x, 84, 670);
      context.drawImage(arm.marrowCanvas, x, 100, 400, 400);
      context.drawImage(arm.smearCanvas, x + 410, 100, 260, (260 * arm.smearCanvas.height) / arm.smearCanvas.width);
      context.drawImage(arm.cellCanvas, x, 510, 670, 180);
      context.drawImage(arm.feverCanvas, x, 695, 670, 90);
    });
    canvas.toBlob((blob) => save("tcellabm.png", blob));
  }
}

export function bytes(buffer) {
  return buffer instanceof Uint8Array ? buffer
    : buffer instanceof DataView ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
}

function rowsOf(buffer, columns) {
  const flat = new Float32Array(bytes(buffer).slice().buffer), rows = [];
  for (let i = 0; i < flat.length; i += columns) rows.push(flat.subarray(i, i + columns));
  return rows;
}

function save(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
