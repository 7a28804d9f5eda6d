// What stands on the page while the model loads: what will be seen, and how far it is.

import { swatch } from "./dots.js";
import { h, set } from "./words.js";

const SEEN = {
  leukemia_cd19_positive: "leukemic cells, which carry CD19: the mark that CAR T cells know",
  leukemia_cd19_negative: "leukemic cells without CD19: CAR T cells pass them by",
  car_t_effector: "CAR T cells that kill and multiply",
  car_t_memory: "CAR T cells that wait, and keep watch",
  car_t_exhausted: "CAR T cells that have fought too long",
  b_cell: "B cells, healthy, which carry CD19 too",
  myeloid_activated: "myeloid cells in alarm: their IL-6 makes the fever",
};

export class Welcome {
  constructor() {
    this.bar = h("progress", { "aria-label": "Loading" });
    this.text = h("p", { class: "loading" });
    const legend = Object.entries(SEEN).map(([kind, words]) => h("li", {}, swatch(kind), h("span", {}, words)));
    this.node = h("section", { class: "welcome", "aria-label": "What this page shows" },
      h("h2", {}, "One patient, twice"),
      h("p", {}, "Left your patient, right the twin: the same child with leukemia, alike to the last cell until you give one of them something. Then watch what it changed."),
      h("h3", {}, "What the dots are"),
      h("ul", {}, ...legend),
      h("h3", {}, "What you can do"),
      h("p", {}, "Choose a story and press Play, or treat a patient of your own. Stop, go back to any day, and act differently from there."),
      this.bar, this.text);
  }

  say(text, share) {
    set(this.text, text);
    if (share > 0) this.bar.value = share;
    else this.bar.removeAttribute("value");
  }
}
