// The charts of one patient: cells on a log axis, temperature, grades of CRS and ICANS.

import { sizeOf } from "./dots.js";
import { power, t } from "./words.js";

export const INK = "#1f2733";
const FAINT = "#c9d0d9";
export const LINES = [
  { column: "leukemia_cd19_positive", color: "#c25400", name: "leukemia CD19+", dash: [], width: 3 },
  { column: "leukemia_cd19_negative", color: "#4a1d00", name: "leukemia CD19\u2212", dash: [8, 4], width: 2.5 },
  { column: "car_t", color: "#0072b2", name: "CAR T", dash: [], width: 3 },
  { column: "b_cell", color: "#6b7280", name: "B cells", dash: [3, 4], width: 2.5 },
];
export const GRADE_COLORS = ["#e8ecf1", "#fde3b0", "#f9b872", "#e9774a", "#b8323b", "#4a0d1a"];
const TOP = 13; // decades of the log axis

export function horizon(day, last) {
  return Math.min(last, [14, 30, 60, 120, 240, 365, 730].find((x) => day <= x * 0.97) || last) || 14;
}

// Rows up to the day that is shown: a chart ends now.
const seen = (rows, day) => rows.filter((row) => row[0] <= day + 1e-6);

class Chart {
  constructor(canvas, about, arm) {
    Object.assign(this, { canvas, about, arm });
  }

  begin(until) {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const [w, height] = sizeOf(this.canvas, 520, 180);
    if (this.canvas.width !== Math.round(w * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(w * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, w, height);
    // letters as large as those of the page around
    const size = Math.max(13, 0.9 * parseFloat(getComputedStyle(this.canvas).fontSize));
    context.font = `${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    Object.assign(this, { context, w, height, until, size, left: 4 * size, right: 10 });
    return context;
  }

  x(day) { return this.left + (day / this.until) * (this.w - this.left - this.right); }

  gridline(y, text, color = FAINT, dash = []) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(this.left, y);
    context.lineTo(this.w - this.right, y);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = INK;
    context.textAlign = "right";
    if (text) context.fillText(text, this.left - 5, y);
  }

  days(y) {
    const { context, until } = this;
    const most = (this.w - this.left) / (4 * this.size);
    const step = [1, 2, 7, 14, 30, 60, 90, 120].find((s) => until / s <= most) || 180;
    context.textAlign = "center";
    context.fillStyle = INK;
    for (let day = 0; day <= until; day += step) context.fillText(day ? `${day}` : t("day 0"), Math.min(Math.max(this.x(day), this.left + this.size), this.w - this.size), y);
  }

  line(rows, value, y, color, dash = [], width = 2) {
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    rows.forEach((row, i) => context[i ? "lineTo" : "moveTo"](this.x(row[0]), y(row[value])));
    context.stroke();
    context.setLineDash([]);
  }

  // What was given: a line a day, and its names above the chart, or their keys where there is no room.
  given(list, top, bottom, named) {
    const { context } = this;
    const here = list.filter(([day, , who]) => (who === "both" || who === this.arm) && day <= this.until);
    const days = [...new Set(here.map(([day]) => day))];
    for (const [i, day] of days.entries()) {
      const x = this.x(day), given = here.filter((one) => one[0] === day).map(([, name]) => this.about.treatments[name]);
      context.fillStyle = context.strokeStyle = "#5b2a86";
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, bottom);
      context.stroke();
      if (!named) continue;
      context.beginPath();
      context.moveTo(x - 4, top - 5);
      context.lineTo(x + 4, top - 5);
      context.lineTo(x, top + 3);
      context.fill();
      // beside its mark where there is room, to the right or to the left; else the keys of the drugs
      const right = (i + 1 < days.length ? this.x(days[i + 1]) - 4 : this.w) - x - 6;
      const left = x - 6 - (i ? this.x(days[i - 1]) + 6 : 0);
      const words = [given.map(({ mark }) => mark).join(" + "), given.map(({ key }) => key).join("")];
      const width = (text) => context.measureText(text).width;
      const text = words.find((one) => width(one) <= Math.max(right, i ? 0 : left));
      if (!text) continue;
      const toLeft = width(text) > right;
      context.textAlign = toLeft ? "right" : "left";
      context.fillText(text, toLeft ? x - 6 : x + 6, top - this.size / 2);
    }
  }

  now(day, top, bottom) {
    const { context } = this;
    context.strokeStyle = INK;
    context.lineWidth = 1;
    context.setLineDash([1, 2]);
    context.beginPath();
    context.moveTo(this.x(day), top);
    context.lineTo(this.x(day), bottom);
    context.stroke();
    context.setLineDash([]);
  }
}

export class CellChart extends Chart {
  draw(all, frame, until) {
    const context = this.begin(until), { about } = this, rows = seen(all, frame.day);
    const top = 1.3 * this.size, bottom = this.height - 1.5 * this.size, floor = bottom - this.size;
    const y = (n) => (n >= 1 ? floor - (Math.log10(n) / TOP) * (floor - top) : bottom - 1);
    for (let decade = 0; decade <= 12; decade += 3) this.gridline(y(10 ** decade), decade ? power(decade) : "1");
    this.gridline(bottom - 1, "0", FAINT, [1, 3]);
    if (about.whole_body) {
      this.gridline(y(about.mrd_cells), "", "#4b5563", [6, 4]);
      context.textAlign = "right";
      context.fillText(t("MRD limit"), this.w - this.right - 2, y(about.mrd_cells) - 0.6 * this.size);
    }
    this.days(this.height - 0.6 * this.size);
    this.given(frame.given, top, bottom, true);
    for (const { column, color, dash, width } of LINES) {
      const value = about.columns.indexOf(column);
      if (rows.some((row) => row[value] > 0)) this.line(rows, value, y, color, dash, width);
    }
    this.names(rows, y, top);
    this.lastCell(rows, y);
    this.now(frame.day, top, bottom);
  }

  names(rows, y, top) {
    const { context, about } = this;
    if (!rows.length) return;
    const row = rows[rows.length - 1], x = this.x(row[0]), end = this.w - this.right;
    const taken = [top - 4]; // by what was given
    for (const { column, color, name: english } of LINES) {
      const name = t(english), n = row[about.columns.indexOf(column)];
      if (!(n > 0)) continue;
      const width = context.measureText(name).width + 8, right = x + width > end;
      const beside = about.whole_body && (right ? x : x + width) > end - 5 * this.size; // the words at the MRD limit
      const others = beside ? [...taken, y(about.mrd_cells) - 0.6 * this.size] : taken;
      let place = y(n) - 0.7 * this.size;
      const step = place > this.height / 2 ? -this.size : this.size;
      for (let i = 0; i < 4 && others.some((other) => Math.abs(other - place) < this.size); i++) place += step;
      taken.push(place);
      context.textAlign = right ? "right" : "left";
      context.strokeStyle = "#ffffffd9";
      context.lineWidth = 3;
      context.strokeText(name, x + (right ? -5 : 5), place);
      context.fillStyle = color;
      context.fillText(name, x + (right ? -5 : 5), place);
    }
  }

  lastCell(rows, y) {
    const { context, about } = this;
    const alive = rows.map((row) => row[1] + row[2] > 0);
    const gone = alive.lastIndexOf(true) + 1;
    if (gone === 0 || gone >= rows.length) return;
    const x = this.x(rows[gone][0]), text = t(about.whole_body ? "last leukemic cell died" : "cleared here");
    context.fillStyle = "#c25400";
    context.beginPath();
    context.arc(x, y(0) - 3, 4, 0, 2 * Math.PI);
    context.fill();
    context.textAlign = x > this.w * 0.6 ? "right" : "left";
    context.fillText(t(`${text}, day ${rows[gone][0].toFixed(0)}`), x + (x > this.w * 0.6 ? -8 : 8), y(0) - 8);
  }
}

export class FeverChart extends Chart {
  draw(all, frame, until) {
    const context = this.begin(until), { about } = this, rows = seen(all, frame.day);
    const band = this.size, top = 6, bottom = this.height - 2.3 * band, low = 36, high = about.highest_temperature;
    const y = (t) => bottom - ((t - low) / (high - low)) * (bottom - top);
    for (const t of [37, 39, 41]) this.gridline(y(t), `${t} \u00b0C`);
    this.gridline(y(about.fever), "", "#c25400", [6, 4]);
    context.textAlign = "right";
    context.fillStyle = "#a34700";
    context.fillText(t("fever"), this.w - this.right - 2, y(about.fever) - 0.6 * this.size);
    this.given(frame.given, top, bottom, false);
    this.grades(rows, "crs_grade_astct", "CRS", bottom + 3);
    this.grades(rows, "icans_grade", "ICANS", bottom + 3 + 1.1 * band);
    this.line(rows, about.columns.indexOf("temperature_c"), y, "#a3293d");
    this.now(frame.day, top, bottom);
  }

  // A band as long as the time, the darker the worse.
  grades(rows, column, name, top) {
    const { context } = this, grade = this.about.columns.indexOf(column);
    rows.forEach((row, i) => {
      const next = rows[i + 1] || row;
      context.fillStyle = GRADE_COLORS[row[grade]];
      context.fillRect(this.x(row[0]), top, Math.max(1, this.x(next[0]) - this.x(row[0]) + 0.5), 0.8 * this.size);
    });
    context.textAlign = "right";
    context.fillStyle = INK;
    context.fillText(name, this.left - 5, top + 0.45 * this.size);
  }
}
