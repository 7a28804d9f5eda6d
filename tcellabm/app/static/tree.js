// A story tree: the pupil predicts and decides at each stop, and both branches stay in view.

import { fill, question, verdict } from "./predict.js";
import { outcome } from "./outcome.js";
import { RecordedSource } from "./recorded.js";
import { Recorded, recordingOf } from "./recording.js";
import { Stage } from "./stage.js";
import { h } from "./words.js";

const NEVER = Infinity;
const SPEED = 2; // days a second

// Plays the branch that was decided, up to the next stop.
class TreeSource extends RecordedSource {
  constructor(recording, watch) {
    super(recording);
    Object.assign(this, { watch, speed: SPEED });
  }

  show() {
    super.show();
    this.watch(this.frames[this.at].day, this.playing);
  }

  // Another branch, from the same day on.
  turn({ frames, places, rows }, until) {
    Object.assign(this, { frames, places, rows, until });
    this.at = Math.min(this.at, this.end);
    this.playing = false;
    this.show();
  }
}

export class TreePage {
  constructor(root, site, name, { runs, recordings }, { choices, answers, changed, tools }) {
    Object.assign(this, { root, site, name, texts: site.texts, tree: site.trees[name], choices, answers, changed, tools, ended: false });
    this.about = { ...site.about, days: this.tree.days, speed: SPEED };
    this.runs = runs.map((run) => ({ ...run, recording: recordings[run.recording] }));
    this.recorded = new Map();
    this.node = h("div", { class: "panel story tree" });
    this.source = new TreeSource(this.recording(), (day, playing) => this.look(day, playing));
    this.source.until = this.until;
    this.stage = new Stage(root, this.source, this.node);
    this.project();
    if (choices.length) this.source.tell({ do: "seek", day: this.until });
  }

  close() { this.stage.close(); }

  // --- paths ---------------------------------------------------------------------------------

  // A path that begins with some choices: until all is decided the last one, on which nothing was
  // infused on day 0; then the first.
  path(choices) {
    const fitting = this.tree.paths.filter((path) => choices.every((option, i) => path.choices[i] === option));
    return fitting.at(this.decided ? 0 : -1);
  }

  get decided() {
    const { stops } = this.tree, last = this.choices.length - 1;
    return this.choices.length === stops.length || (last >= 0 && stops[last].options[this.choices[last]].last);
  }

  get until() { return this.decided ? NEVER : this.tree.stops[this.choices.length].day; }

  // What the other branch decided: otherwise than the pupil at the last stop, unless chosen.
  get otherChoices() {
    if (this.compared && this.decided) return this.compared;
    const last = this.choices.length - 1;
    if (last < 0) return [];
    return [...this.choices.slice(0, last), this.choices[last] === 0 ? 1 : 0];
  }

  patient(path) {
    if (!this.recorded.has(path)) this.recorded.set(path, new Recorded(this.about, this.runs[path.run]));
    return this.recorded.get(path);
  }

  recording() {
    const mine = this.path(this.choices), other = this.path(this.otherChoices);
    const first = mine.choices.findIndex((option, i) => option !== other.choices[i]);
    const apart = this.choices.length && first >= 0 ? this.tree.stops[first].day : NEVER;
    const subtitles = [mine, other].map((path) => this.marks(path));
    const words = { apartFrom: apart, decidedUntil: this.until, subtitles, ending: this.ending(mine, other) };
    return recordingOf(this.about, this.patient(mine), this.patient(other), words);
  }

  marks(path) {
    return path.choices.slice(0, Math.max(1, this.choices.length)).map((option, i) => this.tree.stops[i].options[option].mark).join(", ");
  }

  ending(mine, other) {
    const arms = { a: mine, b: other };
    return {
      title: this.tree.title, why: this.tree.lesson, as_told: true,
      arms: Object.entries(arms).map(([name, path]) => ({ name, ...outcome(this.site, this.runs[path.run]) })),
    };
  }

  // --- the panel -----------------------------------------------------------------------------

  look(day, playing) {
    this.day = day;
    const { frames, at } = this.source, ended = this.decided && at === frames.length - 1;
    const stop = !this.decided && day >= this.until && !playing;
    if (ended) this.ended = true;
    const key = `${stop}|${this.choices}|${this.ended}|${ended}`;
    if (key === this.key) return;
    this.key = key;
    this.draw(stop, ended);
  }

  draw(stop, ended) {
    const { texts, tree } = this;
    this.root.dataset.stop = stop;
    this.node.replaceChildren(
      h("p", {}, h("a", { href: "#" }, texts.back)), h("h2", {}, tree.title),
      ...(this.choices.length ? [this.decisions()] : []),
      ...(this.choices.length || stop ? [] : [h("p", { class: "lead" }, tree.lead)]),
      ...(stop ? [this.stop()] : []),
      ...(!stop && !this.decided ? [h("p", { class: "note" }, fill(texts.next_stop, { day: Math.floor(this.until) }))] : []),
      ...(this.decided && !ended ? [h("p", { class: "note" }, texts.play_to_end)] : []),
      ...(this.ended && this.decided ? [this.verdicts(), this.compare(), this.all()] : []), this.tools);
    if (stop || ended) this.node.scrollIntoView({ block: "start" });
    this.project();
  }

  // On the projector either the question or the patients.
  project() {
    if (this.stage && document.body.classList.contains("projector")) this.stage.view(this.root.dataset.stop === "true" ? "all" : "curves");
  }

  decisions() {
    const items = this.choices.map((option, i) => {
      const { day, options } = this.tree.stops[i];
      return h("li", {}, fill(this.texts.on_day, { day: Math.floor(day) }), h("b", {}, options[option].mark), " ",
        h("button", { type: "button", class: "again", onclick: () => this.undo(i) }, this.texts.change));
    });
    return h("div", { class: "decided" }, h("h3", {}, this.texts.decisions), h("ol", {}, ...items));
  }

  stop() {
    const number = this.choices.length, stop = this.tree.stops[number], id = `${this.name}.${number}`;
    const title = fill(this.texts.stop, { day: Math.floor(stop.day) });
    const given = this.answers.get(id);
    const options = stop.options.map((option, i) => h("button", {
      type: "button", class: "option", disabled: given === undefined, onclick: () => this.decide(i),
    }, option.name));
    const asked = question(id, stop.predict.ask, stop.predict.answers, given, (answer) => {
      this.answers.put(id, answer);
      options.forEach((button) => { button.disabled = false; });
      this.changed();
    });
    return h("div", { class: "stop", role: "group", "aria-label": title },
      h("p", { class: "note" }, h("b", {}, title), " ", stop.text),
      h("h3", {}, this.texts.predict), asked,
      h("h3", {}, this.texts.decide), h("p", {}, stop.decide), h("div", { class: "options" }, ...options));
  }

  decide(option) { this.turn([...this.choices, option], true); }

  undo(stop) { this.turn(this.choices.slice(0, stop), false); }

  turn(choices, plays) {
    Object.assign(this, { choices, compared: null, ended: false, key: "" });
    this.source.turn(this.recording(), this.until);
    if (plays) {
      this.source.tell({ do: "play", on: true });
      this.stage.arms.a.node.scrollIntoView({ block: "nearest" });
    } else this.source.tell({ do: "seek", day: this.until });
    this.changed();
  }

  // --- what came of it -----------------------------------------------------------------------

  verdicts() {
    const { right } = this.path(this.choices);
    const shown = this.choices.map((_, i) => verdict(this.texts, this.tree.stops[i].predict, this.answers.get(`${this.name}.${i}`), right[i]));
    return h("div", { class: "verdicts" }, h("h3", {}, this.texts.see), ...shown);
  }

  compare() {
    const mine = this.path(this.choices), chosen = this.path(this.otherChoices);
    const others = this.tree.paths.filter((path) => path !== mine);
    const select = h("select", { id: "compared", onchange: (event) => this.compareWith(others[event.target.value]) },
      ...others.map((path, i) => h("option", { value: i, selected: path === chosen }, this.names(path))));
    return h("div", { class: "compare" }, h("label", { for: "compared" }, this.texts.compare), select);
  }

  compareWith(path) {
    this.compared = path.choices;
    this.source.turn(this.recording(), this.until);
  }

  names(path) { return path.choices.map((option, i) => this.tree.stops[i].options[option].mark).join(", "); }

  all() {
    const { texts, tree } = this;
    const rows = tree.paths.map((path) => {
      const run = this.runs[path.run];
      return h("tr", { class: path === this.path(this.choices) ? "mine" : "" }, h("td", {}, this.names(path)), h("td", {}, texts.fates[run.fate]), h("td", {}, run.icu_days.toFixed(1)));
    });
    return h("details", { class: "ways" }, h("summary", {}, texts.all_ways),
      h("table", {}, h("thead", {}, h("tr", {}, ...[texts.way, texts.end, texts.icu].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...rows)));
  }
}
