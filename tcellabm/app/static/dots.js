// The marrow: dots from counts by voxel. Where in its voxel a dot lies, and how it wanders, is
// for the eye alone: the model knows voxels. Dots are stamped into pixels, which takes a few
// milliseconds for ten thousand of them where drawing shapes would take ten times as long.

const LOOKS = {
  leukemia_cd19_positive: { color: [230, 159, 0], shape: "disc", size: 2.0, roam: 0.12, name: "CD19+" },
  leukemia_cd19_negative: { color: [255, 240, 205], shape: "ring", size: 2.9, roam: 0.12, name: "CD19\u2212 (unseen)" },
  car_t_memory: { color: [64, 224, 170], shape: "plus", size: 2.6, roam: 0.35, name: "memory" },
  car_t_effector: { color: [86, 180, 255], shape: "triangle", size: 2.7, roam: 0.55, name: "effector" },
  car_t_exhausted: { color: [168, 178, 190], shape: "down", size: 2.5, roam: 0.15, name: "exhausted" },
  b_cell: { color: [240, 228, 66], shape: "square", size: 1.8, roam: 0.1, name: "B cells" },
  myeloid_resting: { color: [120, 90, 110], shape: "diamond", size: 2.4, roam: 0.1, name: "myeloid, resting" },
  myeloid_activated: { color: [240, 130, 195], shape: "diamond", size: 2.8, roam: 0.15, name: "Myeloid, active" },
};
const BASE = [13, 18, 30];
const GLOW = [104, 60, 190];
const FEW = 150; // dots of one cell each are drawn larger when there are so few
const WAVE = Float32Array.from({ length: 1024 }, (_, i) => Math.sin((i * Math.PI) / 512));

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

function mixed(v, k, i) {
  let h = Math.imul(v + 1, 374761393) ^ Math.imul(k + 1, 668265263) ^ Math.imul(i + 1, 2246822519);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  return (h ^ (h >>> 16)) >>> 0;
}

class Marrow {
  constructor(canvas, about) {
    this.canvas = canvas;
    [this.rows, this.cols] = about.shape;
    this.kinds = about.drawn;
    this.glows = about.glows;
    this.glow = "il6";
    this.voxels = this.rows * this.cols;
    this.pixels = new Uint8Array((this.kinds.length + this.glows.length) * this.voxels);
    this.voxel = 0;
    this.size = 0;
  }

  fit() {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const size = Math.max(64, Math.round(this.canvas.clientWidth * scale));
    if (size === this.size) return;
    this.size = this.canvas.width = this.canvas.height = size;
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.image = this.context.createImageData(size, size);
    this.ground = new Uint32Array(size * size);
    const unit = size / 340;
    this.stamps = this.kinds.map((kind) => stamp(kind, 0.72 * unit));
    this.large = this.kinds.map((kind) => stamp(kind, 1.9 * unit));
    this.paintGround();
  }

  show(pixels, perDot) {
    this.pixels = pixels;
    this.perDot = perDot;
    if (this.size) this.paintGround();
  }

  // The glow between the middles of voxels is interpolated.
  paintGround() {
    const { rows, cols, size, ground } = this;
    const place = this.glows.indexOf(this.glow);
    if (place < 0) this.painted = 0;
    if (place < 0) return ground.fill(0xff000000 | (BASE[2] << 16) | (BASE[1] << 8) | BASE[0]);
    const start = (this.kinds.length + place) * this.voxels;
    const glow = this.pixels.slice(start, start + this.voxels);
    if (this.painted === size && this.glow === this.paintedGlow && glow.every((g, i) => g === this.glowing[i])) return;
    Object.assign(this, { painted: size, paintedGlow: this.glow, glowing: glow });
    const between = (at, n) => {
      const f = Math.min(Math.max((at / size) * n - 0.5, 0), n - 1), low = Math.min(Math.floor(f), Math.max(n - 2, 0));
      return [low, Math.min(low + 1, n - 1), f - low];
    };
    const across = Array.from({ length: size }, (_, x) => between(x, cols));
    const line = new Float32Array(cols);
    for (let y = 0; y < size; y++) {
      const [r, r2, dy] = between(y, rows);
      for (let c = 0; c < cols; c++) line[c] = ((1 - dy) * glow[r * cols + c] + dy * glow[r2 * cols + c]) / 300;
      for (let x = 0; x < size; x++) {
        const [c, c2, dx] = across[x], g = line[c] * (1 - dx) + line[c2] * dx;
        ground[y * size + x] = 0xff000000 | ((BASE[2] + (GLOW[2] - BASE[2]) * g) << 16)
          | ((BASE[1] + (GLOW[1] - BASE[1]) * g) << 8) | (BASE[0] + (GLOW[0] - BASE[0]) * g);
      }
    }
  }

  few(kind) {
    const name = { l: "leukemia", c: "car_t", b: "b_cell", m: "myeloid" }[kind[0]];
    return this.perDot && this.perDot[name] === 1;
  }

  draw(time) {
    this.fit();
    new Uint32Array(this.image.data.buffer).set(this.ground);
    let dots = 0;
    for (let k = 0; k < this.kinds.length; k++) dots += this.stampKind(k, time);
    this.context.putImageData(this.image, 0, 0);
    this.markVoxel();
    return dots;
  }

  stampKind(k, time) {
    const { cols, size, voxels, pixels } = this;
    const kind = this.kinds[k], { color: [red, green, blue], roam } = LOOKS[kind];
    let total = 0;
    for (let v = 0; v < voxels; v++) total += pixels[k * voxels + v];
    if (!total) return 0;
    const mask = this.few(kind) && total <= FEW ? this.large[k] : this.stamps[k];
    const out = this.image.data, across = size / cols, down = size / this.rows;
    const reach = roam * Math.min(across, size / 16), turn = time * (60 + 240 * roam);
    for (let v = 0; v < voxels; v++) {
      const count = pixels[k * voxels + v];
      if (!count) continue;
      const left = (v % cols) * across, top = Math.floor(v / cols) * down;
      for (let i = 0; i < count; i++) {
        const h = mixed(v, k, i);
        const phase = h >>> 20;
        let x = left + ((h & 1023) / 1024) * across + reach * WAVE[(phase + turn) & 1023];
        let y = top + (((h >>> 10) & 1023) / 1024) * down + reach * WAVE[(phase * 3 + 256 + turn * 1.31) & 1023];
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
