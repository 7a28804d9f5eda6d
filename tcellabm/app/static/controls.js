// What a class can do: stories, buttons that act now, sliders, keeping; and the time line.

import { h, set, short, term } from "./words.js";

const WHEN = {
  dose: "next infusion",
  other: "next start",
};

export class Controls {
  constructor(tell, stage, panel) {
    Object.assign(this, { tell, stage, panel, changed: {}, branches: "" });
    this.node = h("aside", { class: "controls", "aria-label": "Story and actions" });
    this.bar = h("nav", { class: "timeline", "aria-label": "Time" });
  }

  begin(about) {
    this.about = about;
    this.changed = {};
    this.branches = "";
    const panels = [this.stories(), this.actions(), this.setup()];
    this.node.replaceChildren(...(this.panel ? [this.panel] : panels), this.keep());
    this.bar.replaceChildren(...this.time());
  }

  stories() {
    const { about } = this;
    const choice = h("select", { id: "story", onchange: (event) => this.chooseStory(event.target.value) },
      h("option", { value: "" }, "Free play: your own patient"),
      ...Object.entries(about.stories).map(([name, title]) => h("option", { value: name, selected: name === about.story }, title)));
    this.lead = h("p", { class: "lead" }, about.lead || "Infuse CAR T cells, press Play, and act when you see fit. The twin gets only what you give to both.");
    this.note = h("p", { class: "note", role: "status" });
    return h("div", { class: "panel story" }, h("label", { for: "story" }, "Story"), choice, this.lead, this.note);
  }

  chooseStory(name) {
    if (name) this.tell({ do: "story", name });
    else this.tell({ do: "restart", query: "" });
  }

  actions() {
    const { about } = this;
    const buttons = Object.fromEntries(Object.entries(about.treatments).map(([name, button]) => [name, this.act(name, button)]));
    this.infuse = buttons.car_t;
    this.who = h("select", { id: "who" }, h("option", { value: "a" }, "your patient"), h("option", { value: "both" }, "both"));
    return h("div", { class: "panel acts" },
      h("div", { class: "line" }, h("h3", {}, "Act now"), h("label", { for: "who" }, "give to"), this.who),
      ...Object.values(buttons), this.left());
  }

  // Plans that were left: the last one can be undone, each can be gone back to.
  left() {
    this.undo = h("button", { type: "button", class: "undo", disabled: true, onclick: () => this.tell({ do: "undo" }) }, "Undo");
    this.choice = h("select", { id: "branch", disabled: true, onchange: (event) => this.tell({ do: "branch", number: Number(event.target.value) }) });
    return h("div", { class: "line branches" }, this.undo, h("label", { for: "branch", class: "hidden-text" }, "Go back to a branch"), this.choice);
  }

  showBranches(branches) {
    const key = JSON.stringify(branches);
    if (key === this.branches) return;
    this.branches = key;
    this.undo.disabled = this.choice.disabled = !branches.length;
    this.choice.replaceChildren(h("option", { value: -1 }, branches.length ? `Branches (${branches.length})` : "No other branch"),
      ...branches.map((name, i) => h("option", { value: i }, name)));
  }

  act(treatment, { name, key, term: word }) {
    const hint = this.about.glossary[word];
    return h("button", {
      class: `act act-${treatment}`, type: "button", "data-tip": hint, "aria-description": hint,
      "aria-keyshortcuts": key, onclick: () => this.give(treatment),
    }, name, h("kbd", { "aria-hidden": "true" }, key));
  }

  give(name) {
    const per_kg = name === "car_t" && "dose" in this.changed ? this.changed.dose : undefined;
    this.tell({ do: "give", name, who: this.who.value, ...(per_kg ? { per_kg } : {}) });
  }

  setup() {
    const { about } = this;
    const seed = h("input", { id: "seed", type: "number", min: 0, step: 1, value: about.seed });
    const scenario = h("select", { id: "scenario" }, ...[["body", "whole body"], ["biopsy", "biopsy: every cell"]]
      .map(([value, text]) => h("option", { value, selected: value === about.scenario }, text)));
    const care = h("select", { id: "care" }, ...about.policies
      .map((value) => h("option", { value, selected: value === about.care }, value === "none" ? "the class" : `rule: ${value}`)));
    this.setting = { seed, scenario, care };
    return h("details", { class: "panel setup", open: !about.story },
      h("summary", {}, "Another patient or product"),
      h("p", { class: "hint" }, "Sliders act when it says beside them."),
      ...Object.entries(about.sliders).map(([name, slider]) => this.slider(name, slider)),
      h("div", { class: "line" }, h("label", { for: "seed" }, term(about, "seed", "Patient number")), seed),
      h("div", { class: "line" }, h("label", { for: "scenario" }, "Look at"), scenario),
      h("div", { class: "line" }, h("label", { for: "care" }, "Drugs given by"), care),
      h("button", { type: "button", class: "start", onclick: () => this.restart() }, "Start again with these"));
  }

  slider(name, { low, high, value, unit, help, name: title }) {
    const chosen = name in this.about.settings;
    const to = (n) => (Math.log(n / low) / Math.log(high / low)) * 100;
    const from = (p) => Number((low * (high / low) ** (p / 100)).toPrecision(3));
    const text = h("output", { for: `slider-${name}` }, short(value));
    const when = h("small", { class: "when" }, WHEN[name] || WHEN.other);
    const input = h("input", {
      id: `slider-${name}`, type: "range", min: 0, max: 100, step: 0.5, value: to(Math.min(Math.max(value, low), high)),
      "aria-valuetext": `${short(value)} ${unit}`,
      oninput: () => {
        const now = from(Number(input.value));
        this.changed[name] = now;
        set(text, short(now));
        input.setAttribute("aria-valuetext", `${short(now)} ${unit}, ${when.textContent}`);
        when.classList.add("pending");
      },
    });
    if (chosen) this.changed[name] = value;
    return h("div", { class: "slider" },
      h("div", {}, h("label", { for: `slider-${name}` }, h("span", { class: "term", "data-tip": help }, title)),
        h("span", { class: "value" }, text, ` ${unit}`)),
      h("div", {}, input, when));
  }

  restart() {
    const { seed, scenario, care } = this.setting;
    const said = new URLSearchParams({ scenario: scenario.value, seed: seed.value || "0", care: care.value });
    for (const [name, value] of Object.entries(this.changed)) if (name !== "dose") said.set(name, value);
    this.kept = this.changed.dose;
    this.tell({ do: "restart", query: `${said}` });
  }

  keep() {
    const button = (text, act) => h("button", { type: "button", onclick: act }, text);
    return h("div", { class: "panel keep" },
      h("h3", {}, "Share and keep"),
      h("div", { class: "buttons" },
        button("Copy link", () => this.stage.copyLink()),
        button("Table (CSV)", () => this.tell({ do: "export", what: "csv" })),
        button("Picture (PNG)", () => this.stage.picture()),
        button("Replay (HTML)", () => this.tell({ do: "export", what: "replay" }))),
      h("label", { class: "line" }, "Glow shows ", h("select", { onchange: (event) => this.stage.setGlow(event.target.value) },
        h("option", { value: "il6" }, "IL-6"), h("option", { value: "ifng" }, "IFN-\u03b3"), h("option", { value: "" }, "nothing"))),
      h("label", { class: "line" }, h("input", { type: "checkbox", id: "motion", checked: this.stage.motion, onchange: (event) => this.stage.setMotion(event.target.checked) }), "Dots and events move"),
      h("a", { href: "lab" }, "For modelers: the lab page"));
  }

  time() {
    const { about } = this;
    this.play = h("button", { class: "play", type: "button", "aria-keyshortcuts": "Space", onclick: () => this.toggle() }, "\u25b6 Play");
    this.day = h("output", { class: "day" }, "day 0");
    this.scrub = h("input", {
      type: "range", min: 0, max: about.days, step: 0.25, value: 0, "aria-label": "Day shown",
      oninput: () => set(this.day, `day ${Number(this.scrub.value).toFixed(1)}`),
      onchange: () => this.tell({ do: "seek", day: Number(this.scrub.value) }),
    });
    const speed = h("select", { "aria-label": "Speed", onchange: (event) => this.tell({ do: "speed", days_per_second: Number(event.target.value) }) },
      ...[0.25, 0.5, 1, 2, 5, 10, 30].map((x) => h("option", { value: x, selected: x === (this.speed || about.speed || 1) }, `${x} days/s`)));
    speed.addEventListener("change", () => { this.speed = Number(speed.value); });
    const stops = h("input", { type: "checkbox", id: "stops", checked: this.stopping !== false, onchange: (event) => {
      this.stopping = event.target.checked;
      this.tell({ do: "stops", on: this.stopping });
    } });
    return [this.play,
      h("button", { type: "button", "aria-keyshortcuts": "ArrowLeft", "aria-label": "A day back", onclick: () => this.nudge(-1) }, "\u25c0 1 d"),
      h("button", { type: "button", "aria-keyshortcuts": "ArrowRight", "aria-label": "A quarter day on", onclick: () => this.tell({ do: "step" }) }, "6 h \u25b6"),
      speed, this.scrub, this.day,
      ...(about.story ? [h("label", { class: "stops", for: "stops" }, stops, "stop to read")] : [])];
  }

  toggle() { this.tell({ do: "play", on: !this.playing }); }

  nudge(days) { this.tell({ do: "seek", day: Math.max(0, this.frame.day + days) }); }

  show(frame) {
    this.frame = frame;
    this.showBranches(frame.branches || []);
    this.playing = frame.playing;
    set(this.play, frame.playing ? "\u275a\u275a Pause" : "\u25b6 Play");
    this.play.disabled = Boolean((frame.ended || frame.waits) && !frame.playing);
    if (document.activeElement !== this.scrub || frame.playing) {
      this.scrub.value = frame.day;
      set(this.day, `day ${frame.day.toFixed(1)}`);
    }
    if (frame.note) set(this.note, frame.note);
    const infused = frame.given.some(([, name]) => name === "car_t");
    const text = infused ? "Second CAR T dose" : this.about.treatments.car_t.name;
    if (this.infuse.firstChild.textContent !== text) this.infuse.firstChild.textContent = text;
    if (!infused && this.wasInfused !== false) this.who.value = "both";
    if (infused && this.wasInfused === false) this.who.value = "a";
    this.wasInfused = infused;
  }

  key(event) {
    const tag = event.target.tagName;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(tag)) return;
    const gives = Object.entries(this.about.treatments).find(([, { key }]) => key === event.key.toUpperCase());
    const does = gives ? () => this.give(gives[0]) : {
      " ": () => this.toggle(), ArrowRight: () => this.tell({ do: "step" }), ArrowLeft: () => this.nudge(-1),
    }[event.key];
    if (!does || (event.key === " " && /^(BUTTON|SUMMARY)$/.test(tag))) return;
    event.preventDefault();
    does();
  }
}
