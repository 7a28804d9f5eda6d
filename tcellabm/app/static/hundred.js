// A hundred patients: the same ones at every point, a dot each, coloured by how they ended.

import { fill, question, rightAnswer, verdict } from "./predict.js";
import { outcome } from "./outcome.js";
import { RecordedSource } from "./recorded.js";
import { Recorded, recordingOf } from "./recording.js";
import { Stage } from "./stage.js";
import { h, set } from "./words.js";

const ENDS = ["remission", "relapse", "no_remission", "death"]; // letters of the data, in this order
const LETTERS = "rlnd";
const PATIENT_SPEED = 5; // days a second, of one patient
const ARROWS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10 };

export class HundredPage {
  constructor(root, site, place, answers, changed) {
    Object.assign(this, { root, site, texts: site.texts, axes: site.hundred.axes, place, answers, changed });
    root.className = "hundred";
    this.sliders = this.axes.map((axis, i) => this.slider(axis, i));
    this.dots = Array.from({ length: site.hundred.patients }, (_, n) => this.dot(n));
    this.counts = h("ul", { class: "counts" });
    this.days = h("p", { class: "days" });
    this.map = h("div", { class: "map", role: "group", "aria-label": this.texts.map });
    this.questions = h("section", { class: "questions" });
    const grid = h("div", { class: "dots", role: "group", "aria-label": this.texts.patients, onkeydown: (event) => this.walk(event) }, ...this.dots);
    root.replaceChildren(
      h("header", { class: "head" }, h("p", {}, h("a", { href: "#" }, this.texts.back)), h("h1", {}, this.texts.hundred_title), h("span", { class: "notice" }, this.texts.notice)),
      h("p", { class: "lead" }, fill(this.texts.hundred_lead, { patients: site.hundred.patients })),
      h("div", { class: "columns" },
        this.questions,
        h("section", { class: "card" }, ...this.sliders.map((slider) => slider.node), this.counts, this.days, this.legend()),
        h("section", { class: "card" }, grid, h("p", { class: "hint" }, this.texts.dot_hint)),
        h("section", { class: "card wide" }, h("h2", {}, this.texts.map), this.map)));
    this.ask();
    this.show();
  }

  close() {}

  get point() { return this.index(this.place); }

  // Points stand in the order of the axes, the last one fastest.
  index(place) { return place.reduce((sum, at, i) => sum * this.axes[i].values.length + at, 0); }

  slider({ name, values }, i) {
    const id = `axis-${i}`, text = h("output", { for: id });
    const input = h("input", { id, type: "range", min: 0, max: values.length - 1, step: 1, value: this.place[i], oninput: () => this.move(i, Number(input.value)) });
    const update = () => {
      input.value = this.place[i];
      set(text, values[this.place[i]]);
      input.setAttribute("aria-valuetext", values[this.place[i]]);
    };
    return { node: h("div", { class: "axis" }, h("label", { for: id }, name), input, text), update };
  }

  dot(n) {
    return h("button", { type: "button", class: "dot", tabindex: n ? -1 : 0, onclick: () => this.changed({ patient: n }) });
  }

  walk(event) {
    const step = ARROWS[event.key], at = this.dots.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = this.dots[at + step];
    if (!next) return;
    this.dots[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  move(axis, value) {
    this.place = this.place.map((at, i) => (i === axis ? value : at));
    this.show();
    this.changed({});
  }

  legend() {
    const item = (end) => h("li", {}, h("span", { class: `dot ${end}`, "aria-hidden": "true" }), h("span", {}, this.texts.ends[end]));
    return h("ul", { class: "legend" }, ...ENDS.map(item), h("li", {}, h("span", { class: "dot remission", "aria-hidden": "true" }, "4"), h("span", {}, this.texts.number_in_dot)));
  }

  show() {
    const { ends, icu } = this.site.hundred.points[this.point];
    this.sliders.forEach((slider) => slider.update());
    this.dots.forEach((dot, n) => {
      const end = ENDS[LETTERS.indexOf(ends[n])], days = icu[n];
      dot.className = `dot ${end}`;
      set(dot, days > 0 ? `${Math.max(1, Math.round(days))}` : "");
      dot.setAttribute("aria-label", fill(this.texts.dot, { number: n + 1, end: this.texts.ends[end], days: days.toFixed(1) }));
    });
    this.counts.replaceChildren(...ENDS.map((end, i) => h("li", {}, h("span", { class: `dot ${end}`, "aria-hidden": "true" }),
      h("b", {}, `${[...ends].filter((letter) => letter === LETTERS[i]).length}`), h("span", {}, this.texts.ends[end]))));
    const ill = icu.filter((days) => days > 0), sum = ill.reduce((all, days) => all + days, 0);
    set(this.days, fill(this.texts.icu_sum, { patients: ill.length, days: Math.round(sum).toLocaleString("en-US") }));
    this.drawMap();
  }

  // Every dose and persistence at once, of the policy that is chosen: a small picture each.
  drawMap() {
    const [doses, lives] = this.axes, [, , policy] = this.place;
    const cell = (dose, life) => this.small([dose, life, policy]);
    const head = (text) => h("span", { class: "map-head" }, text);
    this.map.style.setProperty("--columns", doses.values.length);
    this.map.replaceChildren(
      head(""), ...doses.short.map(head),
      ...lives.values.flatMap((_, life) => [head(lives.short[life]), ...doses.values.map((__, dose) => cell(dose, life))]));
  }

  small(place) {
    const { ends } = this.site.hundred.points[this.index(place)], here = this.index(place) === this.point;
    const canvas = h("canvas", { width: 60, height: 60, "aria-hidden": "true" }), context = canvas.getContext("2d");
    [...ends].forEach((letter, n) => {
      context.fillStyle = COLORS[ENDS[LETTERS.indexOf(letter)]];
      context.fillRect((n % 10) * 6, Math.floor(n / 10) * 6, 5, 5);
    });
    const share = Math.round((100 * [...ends].filter((letter) => letter === "r").length) / ends.length);
    const label = fill(this.texts.map_cell, { dose: this.axes[0].values[place[0]], life: this.axes[1].values[place[1]], share });
    return h("button", { type: "button", class: "small", "aria-pressed": `${here}`, "aria-label": label, onclick: () => this.go(place) }, canvas, h("b", {}, `${share} %`));
  }

  go(place) {
    this.place = place;
    this.show();
    this.changed({});
  }

  // --- predict, then see ---------------------------------------------------------------------

  // One question at a time; what was answered stands below, beside what happened.
  ask() {
    const all = this.site.hundred.questions.map((one, i) => ({ ...one, id: `hundred.${i}` }));
    const next = all.find(({ id }) => this.answers.get(id) === undefined);
    const answered = all.filter(({ id }) => this.answers.get(id) !== undefined);
    this.questions.replaceChildren(...(next ? [h("h2", {}, this.texts.predict), this.question(next)] : []),
      ...(answered.length ? [h("h2", {}, this.texts.see), ...answered.map((one) => this.verdict(one))] : []));
  }

  question({ id, ask, answers }) {
    return question(id, ask, answers, undefined, (answer) => {
      this.answers.put(id, answer);
      this.ask();
      this.changed({});
    });
  }

  verdict(one) {
    const shown = verdict(this.texts, one, this.answers.get(one.id), rightAnswer(one.cuts, one.value));
    shown.append(h("p", {}, fill(this.texts.from_to, { from: one.from, to: one.to })));
    return shown;
  }
}

const COLORS = { remission: "#0072b2", relapse: "#e69f00", no_remission: "#b8bfc9", death: "#1f2733" };

// One of the hundred: at the point that was chosen, and beside it at another one.
export class PatientPage {
  constructor(root, site, place, number, { load, back, tools }) {
    Object.assign(this, { root, site, texts: site.texts, place, number, load, back, tools });
    const { axes } = site.hundred;
    this.other = place.map((at, i) => (i === axes.length - 1 ? (at + 1) % axes[i].values.length : at));
    this.about = { ...site.about, days: site.hundred.days, speed: PATIENT_SPEED };
    this.node = h("div", { class: "panel story tree" });
    this.begin();
  }

  async begin() {
    const recording = await this.recording();
    if (this.closed) return;
    this.draw();
    this.source = new RecordedSource(recording);
    this.stage = new Stage(this.root, this.source, this.node);
  }

  close() {
    this.closed = true;
    if (this.stage) this.stage.close();
  }

  async recording() {
    const [a, b] = await Promise.all([this.place, this.other].map((place) => this.patient(place)));
    const differs = this.other.some((at, i) => at !== this.place[i]);
    const ending = {
      title: fill(this.texts.patient, { number: this.number + 1 }), why: this.texts.patient_why, as_told: true,
      arms: [a, b].map((one, i) => ({ name: "ab"[i], ...outcome(this.site, one.run) })),
    };
    const subtitles = [this.place, this.other].map((place) => this.named(place));
    return recordingOf(this.about, a, b, { apartFrom: differs ? 0 : Infinity, decidedUntil: Infinity, subtitles, ending });
  }

  // Recordings of both policies stand in one file, and are shared where they are equal.
  async patient(place) {
    const policies = this.site.hundred.axes[2].values.length, index = place[0] * this.site.hundred.axes[1].values.length + place[1];
    const { runs, recordings } = await this.load(`patients-${index}`);
    const run = runs[this.number * policies + place[2]];
    return new Recorded(this.about, { ...run, recording: recordings[run.recording] });
  }

  named(place) { return place.map((at, i) => this.site.hundred.axes[i].values[at]).join(", "); }

  draw() {
    const choose = (axis, i) => {
      const id = `other-${i}`;
      const select = h("select", { id, onchange: () => this.compare(i, Number(select.value)) },
        ...axis.values.map((text, at) => h("option", { value: at, selected: at === this.other[i] }, text)));
      return h("div", { class: "axis" }, h("label", { for: id }, axis.name), select);
    };
    this.node.replaceChildren(
      h("p", {}, h("a", { href: this.back }, this.texts.back_hundred)),
      h("h2", {}, fill(this.texts.patient, { number: this.number + 1 })),
      h("p", {}, fill(this.texts.patient_lead, { here: this.named(this.place) })),
      h("h3", {}, this.texts.twin_at), ...this.site.hundred.axes.map(choose), this.tools);
  }

  async compare(axis, at) {
    this.other = this.other.map((old, i) => (i === axis ? at : old));
    Object.assign(this.source, await this.recording());
    this.source.tell({ do: "seek", day: this.source.frames[this.source.at]?.day ?? 0 });
  }
}
