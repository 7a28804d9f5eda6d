// One patient: marrow, microscope, bedside, charts.

import { CellChart, FeverChart, GRADE_COLORS, horizon } from "./charts.js";
import { LOOKS, Marrow, swatch } from "./dots.js";
import { Ladder } from "./ladder.js";
import { drawSmear } from "./smear.js";
import { count, h, level, phrase, set, t, term } from "./words.js";

export const TITLES = { a: "Your patient", b: "The twin" };
const GROUPS = [
  ["leukemia", "Leukemia", ["leukemia_cd19_positive", "leukemia_cd19_negative"]],
  ["car_t", "CAR T cells", ["car_t_memory", "car_t_effector", "car_t_exhausted"]],
  ["b_cell", "", ["b_cell"]],
  ["myeloid", "", ["myeloid_activated"]],
];
const TERM_OF = {
  leukemia_cd19_positive: "CD19", leukemia_cd19_negative: "CD19", car_t_memory: "memory",
  car_t_effector: "effector", car_t_exhausted: "exhausted", b_cell: "B cell", myeloid_activated: "myeloid",
};

// The grade of CRS or of ICANS: a thermometer, and in words what a patient of that grade is like.
class Grade {
  constructor(about, scale) {
    Object.assign(this, { about, scale });
    this.steps = about.grades[scale].map((words, grade) => h("li", { style: `--grade:${GRADE_COLORS[grade]}` }, `${grade}`));
    this.text = h("span", { class: "grade-text" });
    this.node = h("div", { class: "grade" }, h("span", { class: "scale" }, term(about, scale, `${scale} grade`)),
      h("ol", { class: "thermometer", "aria-hidden": "true" }, ...this.steps), this.text);
  }

  show(grade, edema) {
    this.steps.forEach((step, i) => step.classList.toggle("reached", i <= grade && grade > 0));
    const meaning = edema && grade < 5 ? this.about.edema : this.about.grades[this.scale][grade];
    set(this.text, `${grade}: ${meaning}`);
    this.words = phrase("{} grade {} ({})", this.scale, `${grade}`, meaning);
  }
}

// What happens, in words: the names of the flows.
const HAPPENS = [
  ["leukemia_killed", "L killed", "Leukemic cells killed by CAR T cells"],
  ["b_cell_killed", "B killed", "B cells killed by CAR T cells"],
  ["car_t_divided", "T divided", "Divisions of CAR T cells"],
  ["car_t_exhausted", "T exhausted", "CAR T cells that become exhausted"],
  ["car_t_activated", "T woken", "Memory CAR T cells that become effectors"],
  ["myeloid_activated", "M activated", "Myeloid cells activated"],
];

export class Arm {
  constructor(name, tell) {
    Object.assign(this, { name, tell, rows: [] });
    this.marrowCanvas = h("canvas", { class: "marrow", tabindex: 0, role: "img" });
    this.smearCanvas = h("canvas", { class: "smear", role: "img" });
    this.ladderCanvas = h("canvas", { class: "ladder", role: "img" });
    this.cellCanvas = h("canvas", { class: "cells", role: "img" });
    this.feverCanvas = h("canvas", { class: "fever", role: "img" });
    this.marrowCanvas.addEventListener("click", (event) => this.marrow.voxels > 1 && this.look(this.marrow.voxelAt(event)));
    this.marrowCanvas.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow") || this.marrow.voxels === 1) return;
      event.preventDefault();
      event.stopPropagation();
      this.look(this.marrow.neighbor(event.key));
    });
    this.node = h("section", { class: `arm arm-${name}`, "aria-label": TITLES[name] });
  }

  // A new patient: everything that depends on what holds throughout.
  begin(about) {
    this.about = about;
    this.rows = [];
    this.marrow = new Marrow(this.marrowCanvas, about);
    this.marrowCanvas.classList.toggle("places", this.marrow.voxels > 1);
    this.ladder = new Ladder(this.ladderCanvas);
    this.cellChart = new CellChart(this.cellCanvas, about, this.name);
    this.feverChart = new FeverChart(this.feverCanvas, about, this.name);
    this.subtitle = h("span", { class: "subtitle" });
    this.place = h("span", { class: "place" });
    this.legend = {};
    this.perDot = {};
    const list = h("div", { class: "legend" }, ...GROUPS.map((group) => this.group(...group)));
    this.smearText = h("p", { class: "smear-text" });
    this.node.replaceChildren(
      h("header", {}, h("h2", {}, TITLES[this.name]), this.subtitle, this.place),
      h("div", { class: "pictures" },
        h("div", { class: "marrow-box" }, this.marrowCanvas),
        h("figure", { class: "ladder-box" }, this.ladderCanvas,
          h("figcaption", {}, "cells: ", h("b", {}, "L"), "eukemia, CAR ", h("b", {}, "T"), ", ", h("b", {}, "B"))),
        h("div", { class: "beside" }, list, this.happenings(),
          h("div", { class: "microscope" }, this.smearCanvas, this.smearText, this.stains()))),
      this.bedside(),
      h("div", { class: "curves" }, this.cellCanvas, this.feverCanvas),
    );
  }

  // What happens, in cells a day.
  happenings() {
    this.rates = Object.fromEntries(HAPPENS.map(([name]) => [name, h("b", {})]));
    return h("div", { class: "flows" }, h("span", { class: "head" }, "Cells a day"),
      h("ul", {}, ...HAPPENS.map(([name, words, tip]) => h("li", { class: `flow ${name}` },
        h("span", { class: "term", tabindex: 0, "data-tip": tip, "aria-description": tip }, words), this.rates[name]))));
  }

  stains() {
    return h("p", { class: "stains" }, "Orange rim: leukemia. Blue and green, spiked: CAR T. Gray: exhausted. Yellow: B cells. Large, pink: myeloid. Pale: normal marrow.");
  }

  group(name, title, kinds) {
    this.perDot[name] = h("small", {});
    return h("ul", { class: "group" },
      ...(title ? [h("li", { class: "head" }, h("span", {}, title), this.perDot[name])] : []),
      ...kinds.map((kind) => this.entry(kind, title ? null : this.perDot[name])));
  }

  entry(kind, perDot) {
    this.legend[kind] = h("b", {});
    return h("li", { class: perDot ? "two" : "" }, swatch(kind),
      h("span", { class: "kind" }, term(this.about, TERM_OF[kind], LOOKS[kind].name)), this.legend[kind], perDot);
  }

  bedside() {
    const { about } = this;
    this.grades = Object.fromEntries(Object.keys(about.grades).map((scale) => [scale, new Grade(about, scale)]));
    this.temperature = h("b", {});
    this.pressure = h("b", {});
    this.oxygen = h("b", {});
    this.cytokine = h("b", {});
    return h("div", { class: "bedside" },
      ...Object.values(this.grades).map((grade) => grade.node),
      h("dl", {},
        h("div", {}, h("dt", {}, "Temperature"), h("dd", {}, this.temperature)),
        h("div", {}, h("dt", {}, "Blood pressure"), h("dd", {}, this.pressure)),
        h("div", {}, h("dt", {}, "Oxygen"), h("dd", {}, this.oxygen)),
        h("div", {}, h("dt", {}, term(about, "IL-6"), " in blood"), h("dd", {}, this.cytokine))));
  }

  look(voxel) {
    this.marrow.voxel = voxel;
    this.tell({ do: "look", arm: this.name, voxel });
  }

  // Rows carry their day: those after a day are replaced. False if some before it are missing.
  addRows(after, rows) {
    while (this.rows.length && this.rows[this.rows.length - 1][0] > after) this.rows.pop();
    const last = this.rows.length ? this.rows[this.rows.length - 1][0] : -1;
    if (after >= 0 && Math.abs(last - after) > 1e-3) return false;
    for (const row of rows) this.rows.push(row);
    return true;
  }

  // What changed with a frame; the marrow is drawn by `draw`, more often.
  show(frame, facts, places, subtitle) {
    const { about } = this;
    this.facts = facts;
    this.marrow.show(places);
    if (facts.smear) this.marrow.voxel = facts.smear.voxel;
    set(this.subtitle, subtitle);
    const dead = facts.died !== "";
    set(this.place, dead ? "\u2020 died" : about.places[facts.place]);
    this.place.className = `place ${dead ? "died" : facts.place}`;
    for (const [kind, number] of Object.entries(this.legend)) set(number, count(facts.cells[kind]));
    for (const [name, , kinds] of GROUPS) {
      const each = this.marrow.perDot[name], there = kinds.some((kind) => facts.cells[kind] > 0);
      set(this.perDot[name], !there ? "" : each === 1 ? "1 dot = 1 cell" : `1 dot = ${count(each)}`);
    }
    if (facts.flows) for (const [name, rate] of Object.entries(this.rates)) set(rate, count(facts.flows[name]));
    for (const [scale, grade] of Object.entries(this.grades)) grade.show(facts.grades[scale], scale === "ICANS" && facts.edema);
    set(this.temperature, dead ? "\u2013" : `${facts.temperature.toFixed(1)} \u00b0C`);
    set(this.pressure, dead ? "\u2013" : about.needs.pressure[facts.pressure]);
    set(this.oxygen, dead ? "\u2013" : about.needs.oxygen[facts.oxygen]);
    set(this.cytokine, dead ? "\u2013" : `${level(facts.il6)} pg/mL`);
    if (facts.smear) this.showSmear(facts.smear);
    this.redraw(frame);
    this.describe(frame);
  }

  showSmear({ cells, shown }) {
    const number = shown.reduce((sum, n) => sum + n, 0);
    set(this.smearText, cells <= this.about.smear_cells
      ? `Smear: all ${number} cells of the white square`
      : `Smear: ${number} of ${count(cells)} cells, as under a microscope`);
  }

  redraw(frame) {
    const until = horizon(frame.day, this.about.days);
    if (this.facts.smear) drawSmear(this.smearCanvas, this.facts.smear, this.about.kinds, this.about.smear_cells);
    this.ladder.draw(this.facts.cells);
    this.cellChart.draw(this.rows, frame, until);
    this.feverChart.draw(this.rows, frame, until);
  }

  describe(frame) {
    const { facts, about } = this, { cells } = facts;
    const leukemia = cells.leukemia_cd19_positive + cells.leukemia_cd19_negative;
    const carT = cells.car_t_memory + cells.car_t_effector + cells.car_t_exhausted;
    const day = frame.day.toFixed(1);
    const numbers = [leukemia, carT, cells.b_cell].map((number) => t(count(number)));
    const grades = Object.values(this.grades).map((grade) => grade.words).join(", ");
    this.words = phrase("{}, day {}: {} leukemic cells, {} CAR T cells, {} B cells, {}, {} degrees, {}.", t(TITLES[this.name]), day,
      ...numbers, grades, facts.temperature.toFixed(1), about.places[facts.place]);
    const label = (canvas, english, ...parts) => canvas.setAttribute("aria-label", phrase(english, ...parts));
    const move = this.marrow.voxels > 1 ? ` ${t("Arrow keys move the microscope.")}` : "";
    label(this.marrowCanvas, "Marrow as dots. {}", this.words + move);
    label(this.ladderCanvas, "Powers of ten: {} leukemic cells, {} CAR T cells, {} B cells.", ...numbers);
    label(this.smearCanvas, "Smear of one place of the marrow. {}.", this.smearText.textContent);
    label(this.cellCanvas, "Chart of cell counts up to day {}, log axis. {}", day, this.words);
    label(this.feverCanvas, "Chart of temperature and of the grades of CRS and ICANS up to day {}.", day);
  }
}
