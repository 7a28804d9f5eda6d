// The marrow as dots, and what happens there as short events. Cells lie in voxels, or anywhere in a
// well-mixed marrow; where in its voxel a dot lies, and how it wanders, is for the eye alone. Dots
// are stamped into pixels: a few milliseconds for ten thousand of them.

import { h } from "./words.js";

export const LOOKS = {
  leukemia_cd19_positive: { color: [230, 159, 0], shape: "disc", size: 2.0, roam: 0.12, name: "CD19+" },
  leukemia_cd19_negative: { color: [255, 240, 205], shape: "ring", size: 2.9, roam: 0.12, name: "CD19\u2212 (unseen)" },
  car_t_memory: { color: [64, 224, 170], shape: "plus", size: 2.6, roam: 0.35, name: "memory" },
  car_t_effector: { color: [86, 180, 255], shape: "triangle", size: 2.7, roam: 0.55, name: "effector" },
  car_t_exhausted: { color: [150, 160, 175], shape: "down", size: 2.5, roam: 0.15, name: "exhausted" },
  b_cell: { color: [255, 255, 255], shape: "square", size: 1.7, roam: 0.1, name: "B cells" },
  myeloid_resting: { color: [120, 90, 110], shape: "diamond", size: 2.4, roam: 0.1, name: "myeloid, resting" },
  myeloid_activated: { color: [240, 130, 195], shape: "diamond", size: 2.8, roam: 0.15, name: "Myeloid, active" },
};
// Populations whose dots stand for the same number of cells.
export const POPULATIONS = {
  leukemia: ["leukemia_cd19_positive", "leukemia_cd19_negative"],
  car_t: ["car_t_memory", "car_t_effector", "car_t_exhausted"],
  b_cell: ["b_cell"],
  myeloid: ["myeloid_activated"],
};
// What a canvas measures; what it would where it is not shown.
export const sizeOf = (canvas, width, height) => [canvas.clientWidth || width, canvas.clientHeight || height];

const BASE = [13, 18, 30];
const GLOW = [104, 60, 190];
const FEW = 60; // dots of one cell each are drawn larger when there are so few
const WAVE = Float32Array.from({ length: 1024 }, (_, i) => Math.sin((i * Math.PI) / 512));

// --- how many dots -------------------------------------------------------------------------------

// Dots go with the fourth root of the cells: a hundred times the cells, three times the dots, so
// that 10^4 and 10^11 differ at a glance, and 10^12 still fit.
export const MOST_DOTS = 9000, MOST_CELLS = 1e12;

export function dotsFor(cells, detail = 1) {
  return Math.min(cells, Math.max(1, detail * MOST_DOTS * (cells / MOST_CELLS) ** 0.25));
}

// How many simulated cells one dot stands for: two digits, at least 1.
export function cellsPerDot(cells, fraction = 1, detail = 1) {
  if (!(cells > 0)) return 1;
  const exact = cells / dotsFor(cells / fraction, detail);
  if (exact <= 1) return 1;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(exact)) - 1);
  return Math.max(1, Math.ceil(exact / unit) * unit);
}

function outline(context, shape, r, c) {
  context.beginPath();
  if (shape === "disc" || shape === "ring") context.arc(c, c, r, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(c - r, c - r, 2 * r, 2 * r);
  else {
    const at = {
      triangle: [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
      down: [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
      diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
      plus: [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
        [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
    }[shape];
    at.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](c + x * r, c + y * r));
    context.closePath();
  }
}

function drawShape(context, kind, r, c) {
  const { color, shape } = LOOKS[kind];
  outline(context, shape, r, c);
  context.fillStyle = context.strokeStyle = `rgb(${color})`;
  context.lineWidth = Math.max(1, r * 0.45);
  if (shape === "ring" || shape === "down") context.stroke();
  else context.fill();
}

// A stamp is the list of pixels that a shape covers: offset in x and y, and how much of each.
function stamp(kind, scale) {
  const r = LOOKS[kind].size * scale;
  const side = 2 * Math.ceil(r * 1.3) + 3;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  drawShape(context, kind, r, side / 2);
  const { data } = context.getImageData(0, 0, side, side);
  const pixels = [];
  for (let i = 0; i < side * side; i++) {
    const cover = data[4 * i + 3];
    if (cover > 20) pixels.push((i % side) - (side >> 1), Math.floor(i / side) - (side >> 1), cover);
  }
  return Int16Array.from(pixels);
}

export function mixed(v, k, i) {
  let h = Math.imul(v + 1, 374761393) ^ Math.imul(k + 1, 668265263) ^ Math.imul(i + 1, 2246822519);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  return (h ^ (h >>> 16)) >>> 0;
}


export function swatch(kind) {
  const canvas = h("canvas", { width: 28, height: 28, class: "swatch", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${BASE})`;
  context.fillRect(0, 0, 28, 28);
  drawShape(context, kind, 7, 14);
  return canvas;
}

// --- events between frames -----------------------------------------------------------------------

// What each flow looks like, and which dots stand for what it happens to.
const EVENTS = {
  leukemia_killed: { of: "leukemia", color: "#ffffff", look: "burst" },
  b_cell_killed: { of: "b_cell", color: "#ffffff", look: "burst" },
  car_t_divided: { of: "car_t", color: "#7cc7ff", look: "split" },
  car_t_exhausted: { of: "car_t", color: "#9aa4b2", look: "ring" },
  car_t_activated: { of: "car_t", color: "#40e0aa", look: "ring" },
  myeloid_activated: { of: "myeloid", color: "#f082c3", look: "ring" },
};
const LIFE = 0.35; // seconds that an event is seen
const MOST_EVENTS = 1500; // at once on one canvas

// How many events of a flow fall on so many dots' worth of cells; what is left over is kept.
export function due(left, rate, days, perDot) {
  const exact = left + (rate * days) / perDot;
  const whole = Math.floor(exact);
  return [whole, exact - whole];
}

class Events {
  constructor() { this.clear(); }

  clear() {
    this.alive = [];
    this.left = {};
    this.seen = {};
  }

  // Between two frames `days` apart: as many as the rates say, at the scale of a dot.
  add(flows, days, perDot, now) {
    for (const [name, { of }] of Object.entries(EVENTS)) {
      const [number, rest] = due(this.left[name] || 0, flows[name] || 0, days, perDot[of] || 1);
      this.left[name] = rest;
      this.seen[name] = (this.seen[name] || 0) + number;
      for (let i = 0; i < number && this.alive.length < MOST_EVENTS; i++) {
        this.alive.push({ name, x: Math.random(), y: Math.random(), at: now + Math.random() * 0.12, turn: Math.random() * 6.3 });
      }
    }
  }

  draw(context, size, now) {
    this.alive = this.alive.filter((one) => now - one.at < LIFE);
    const unit = size / 340;
    for (const [name, { color, look }] of Object.entries(EVENTS)) {
      for (let step = 0; step < 3; step++) { // three ages, each a path of its own: few strokes
        const these = this.alive.filter((one) => one.name === name && now >= one.at && Math.floor(((now - one.at) / LIFE) * 3) === step);
        if (!these.length) continue;
        context.globalAlpha = 0.95 - 0.28 * step;
        context.strokeStyle = context.fillStyle = color;
        context.lineWidth = 1.1 * unit;
        context.beginPath();
        for (const one of these) MARKS[look](context, one, one.x * size, one.y * size, unit, step);
        if (look === "split") context.fill();
        else context.stroke();
      }
    }
    context.globalAlpha = 1;
  }
}

const MARKS = {
  // a cell that bursts: rays that fly apart
  burst(context, one, x, y, unit, step) {
    for (let ray = 0; ray < 4; ray++) {
      const angle = one.turn + (ray * Math.PI) / 2, from = (1.5 + 1.4 * step) * unit, to = from + 2.4 * unit;
      context.moveTo(x + Math.cos(angle) * from, y + Math.sin(angle) * from);
      context.lineTo(x + Math.cos(angle) * to, y + Math.sin(angle) * to);
    }
  },
  // a cell that becomes two: two dots that part
  split(context, one, x, y, unit, step) {
    const dx = Math.cos(one.turn) * (1.2 + 1.2 * step) * unit, dy = Math.sin(one.turn) * (1.2 + 1.2 * step) * unit;
    for (const way of [-1, 1]) {
      context.moveTo(x + way * dx + 1.6 * unit, y + way * dy);
      context.arc(x + way * dx, y + way * dy, 1.6 * unit, 0, 6.3);
    }
  },
  // a cell that changes: a ring
  ring(context, one, x, y, unit, step) {
    const r = (2.2 + 1.3 * step) * unit;
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 6.3);
  },
};

// --- the canvas ----------------------------------------------------------------------------------

export class Marrow {
  constructor(canvas, about) {
    this.canvas = canvas;
    [this.rows, this.cols] = about.shape;
    this.kinds = about.drawn;
    this.glows = about.glows;
    this.about = about;
    this.glow = "il6";
    this.voxels = this.rows * this.cols;
    this.voxel = 0;
    this.size = 0;
    this.events = new Events();
    this.dots = this.kinds.map(() => new Uint16Array(this.voxels));
    this.levels = {};
    this.perDot = {};
  }

  fit() {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const size = Math.min(1400, Math.max(64, Math.round(sizeOf(this.canvas, 340, 340)[0] * scale)));
    if (size === this.size) return;
    this.size = this.canvas.width = this.canvas.height = size;
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.image = this.context.createImageData(size, size);
    this.ground = new Uint32Array(size * size);
    this.painted = 0;
    const unit = size / 340;
    this.stamps = this.kinds.map((kind) => stamp(kind, 0.72 * unit));
    this.large = this.kinds.map((kind) => stamp(kind, 1.9 * unit));
    this.paintGround();
  }

  // What each voxel holds, as it came: cells of each kind, then the glows.
  show(places) {
    const { voxels, about } = this, single = about.single_cells;
    const all = single ? places : new Float32Array(places.slice().buffer);
    const row = (k) => all.subarray(k * voxels, (k + 1) * voxels);
    const cells = this.kinds.map((_, k) => row(k));
    this.glows.forEach((name, g) => {
      this.levels[name] = Float32Array.from(row(this.kinds.length + g), (level) => (single ? level / 255 : level));
    });
    this.count(cells);
    if (this.size) this.paintGround();
  }

  // Cells become dots; of what is left over in a voxel a fixed threshold decides: no flicker.
  count(cells) {
    const { kinds, voxels, about } = this;
    const side = this.canvas.clientWidth || 340, detail = Math.min(1, Math.max(0.15, (side * side) / 115000));
    for (const [name, members] of Object.entries(POPULATIONS)) {
      const places = members.map((kind) => kinds.indexOf(kind));
      const total = places.reduce((sum, k) => sum + cells[k].reduce((a, b) => a + b, 0), 0);
      const each = cellsPerDot(total, about.fraction, detail);
      this.perDot[name] = each;
      for (const k of places) {
        for (let v = 0; v < voxels; v++) {
          const threshold = voxels === 1 ? 0.5 : (k * 0.7548776662466927 + v * 0.6180339887498949) % 1;
          this.dots[k][v] = each === 1 ? Math.round(cells[k][v]) : Math.min(65535, Math.floor(cells[k][v] / each + threshold));
        }
      }
    }
  }

  // The glow between the middles of voxels is interpolated.
  paintGround() {
    const { rows, cols, size, ground } = this;
    const glow = this.levels[this.glow];
    if (!glow) {
      this.painted = 0;
      return ground.fill(0xff000000 | (BASE[2] << 16) | (BASE[1] << 8) | BASE[0]);
    }
    if (this.painted === size && this.glow === this.paintedGlow && glow.every((g, i) => g === this.glowing[i])) return;
    Object.assign(this, { painted: size, paintedGlow: this.glow, glowing: glow.slice() });
    const shade = (g) => 0xff000000 | ((BASE[2] + (GLOW[2] - BASE[2]) * g) << 16)
      | ((BASE[1] + (GLOW[1] - BASE[1]) * g) << 8) | (BASE[0] + (GLOW[0] - BASE[0]) * g);
    if (this.voxels === 1) return ground.fill(shade(0.5 * glow[0]));
    const between = (at, n) => {
      const f = Math.min(Math.max((at / size) * n - 0.5, 0), n - 1), low = Math.min(Math.floor(f), Math.max(n - 2, 0));
      return [low, Math.min(low + 1, n - 1), f - low];
    };
    const across = Array.from({ length: size }, (_, x) => between(x, cols));
    const line = new Float32Array(cols);
    for (let y = 0; y < size; y++) {
      const [r, r2, dy] = between(y, rows);
      for (let c = 0; c < cols; c++) line[c] = 0.6 * ((1 - dy) * glow[r * cols + c] + dy * glow[r2 * cols + c]);
      for (let x = 0; x < size; x++) {
        const [c, c2, dx] = across[x];
        ground[y * size + x] = shade(line[c] * (1 - dx) + line[c2] * dx);
      }
    }
  }

  // Cells of the body that a dot of each population stands for.
  scale() {
    return Object.fromEntries(Object.entries(this.perDot).map(([name, each]) => [name, each / this.about.fraction]));
  }

  populationOf(kind) {
    return Object.keys(POPULATIONS).find((name) => POPULATIONS[name].includes(kind));
  }

  // `time` moves the dots; `now` is the clock of the events.
  draw(time, now) {
    this.fit();
    new Uint32Array(this.image.data.buffer).set(this.ground);
    let dots = 0;
    for (let k = 0; k < this.kinds.length; k++) dots += this.stampKind(k, time);
    this.context.putImageData(this.image, 0, 0);
    this.events.draw(this.context, this.size, now);
    if (this.voxels > 1) this.markVoxel();
    return dots;
  }

  stampKind(k, time) {
    const { cols, size, voxels } = this, counts = this.dots[k];
    const kind = this.kinds[k], { color: [red, green, blue], roam } = LOOKS[kind];
    let total = 0;
    for (let v = 0; v < voxels; v++) total += counts[v];
    if (!total) return 0;
    const mask = this.perDot[this.populationOf(kind)] === 1 && total <= FEW ? this.large[k] : this.stamps[k];
    const out = this.image.data, across = size / cols, down = size / this.rows;
    const reach = roam * Math.min(across, size / 16), turn = time * (60 + 240 * roam);
    for (let v = 0; v < voxels; v++) {
      const left = (v % cols) * across, top = Math.floor(v / cols) * down;
      for (let i = 0; i < counts[v]; i++) {
        const hash = mixed(v, k, i);
        const phase = hash >>> 20;
        let x = left + ((hash & 1023) / 1024) * across + reach * WAVE[(phase + turn) & 1023];
        let y = top + (((hash >>> 10) & 1023) / 1024) * down + reach * WAVE[(phase * 3 + 256 + turn * 1.31) & 1023];
        x = Math.min(Math.max(x, 4), size - 5) | 0;
        y = Math.min(Math.max(y, 4), size - 5) | 0;
        for (let p = 0; p < mask.length; p += 3) {
          const px = x + mask[p], py = y + mask[p + 1];
          if (px < 0 || py < 0 || px >= size || py >= size) continue;
          const at = 4 * (py * size + px), a = mask[p + 2] / 255;
          out[at] += (red - out[at]) * a;
          out[at + 1] += (green - out[at + 1]) * a;
          out[at + 2] += (blue - out[at + 2]) * a;
        }
      }
    }
    return total;
  }

  markVoxel() {
    const { context, size, cols, rows } = this;
    const w = size / cols, h = size / rows;
    context.strokeStyle = "#ffffff";
    context.lineWidth = Math.max(1.5, size / 220);
    const side = Math.max(w, h, 8);
    const x = ((this.voxel % cols) + 0.5) * w, y = (Math.floor(this.voxel / cols) + 0.5) * h;
    context.strokeRect(x - side / 2, y - side / 2, side, side);
  }

  voxelAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const col = Math.floor(((event.clientX - box.left) / box.width) * this.cols);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    return Math.min(Math.max(row, 0), this.rows - 1) * this.cols + Math.min(Math.max(col, 0), this.cols - 1);
  }

  neighbor(key) {
    const row = Math.floor(this.voxel / this.cols), col = this.voxel % this.cols;
    const [dr, dc] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
    return Math.min(Math.max(row + dr, 0), this.rows - 1) * this.cols
      + Math.min(Math.max(col + dc, 0), this.cols - 1);
  }
}
