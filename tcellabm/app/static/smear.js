// The microscope: cells of one voxel as a stained smear. Drawn by hand, so that kinds can be told
// apart by shape as well as by color; where a cell lies means nothing.

import { mixed, sizeOf } from "./dots.js";

const STAIN = {
  leukemia_cd19_positive: { r: 1.25, body: "#d9c6e8", nucleus: "#6b3fa0", rim: "#e69f00", grain: true },
  leukemia_cd19_negative: { r: 1.25, body: "#e4dcec", nucleus: "#6b3fa0", rim: "#8a7a5c", dashed: true, grain: true },
  car_t_memory: { r: 0.85, body: "#c9f0e2", nucleus: "#3d3470", rim: "#009e73", spikes: 6 },
  car_t_effector: { r: 1.0, body: "#cfe6fb", nucleus: "#3d3470", rim: "#0072b2", spikes: 10 },
  car_t_exhausted: { r: 0.95, body: "#dfe3e8", nucleus: "#6d6d7d", rim: "#7d8794", spikes: 6 },
  b_cell: { r: 0.85, body: "#f7f0b4", nucleus: "#4b3b78", rim: "#b59b00" },
  myeloid_resting: { r: 1.3, body: "#dcd6e2", nucleus: "#7a5a8c", rim: "#a48fb0", kidney: true },
  myeloid_activated: { r: 1.5, body: "#f6d3e6", nucleus: "#7a3f6c", rim: "#cc5c9c", kidney: true, holes: true },
  normal: { r: 1.0, body: "#f3d9d6", nucleus: "#b08aa5", rim: "#d9b4b4" },
};

function drawCell(context, kind, x, y, unit, turn) {
  const look = STAIN[kind], r = look.r * unit;
  context.save();
  context.translate(x, y);
  context.rotate(turn);
  context.lineWidth = Math.max(1, unit * 0.16);
  context.strokeStyle = look.rim;
  context.fillStyle = look.body;
  for (let i = 0; i < (look.spikes || 0); i++) {
    const a = (2 * Math.PI * i) / look.spikes;
    context.beginPath();
    context.moveTo(Math.cos(a) * r, Math.sin(a) * r);
    context.lineTo(Math.cos(a) * r * 1.3, Math.sin(a) * r * 1.3);
    context.stroke();
  }
  context.setLineDash(look.dashed ? [unit * 0.4, unit * 0.3] : []);
  context.beginPath();
  context.arc(0, 0, r, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = look.nucleus;
  context.beginPath();
  if (look.kidney) {
    context.arc(0, r * 0.1, r * 0.6, Math.PI * 0.9, Math.PI * 2.1);
    context.quadraticCurveTo(0, -r * 0.1, -r * 0.57, r * 0.28);
  } else context.arc(r * 0.06, 0, r * (look.grain ? 0.82 : 0.66), 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = look.grain ? "#a98ad0" : look.holes ? "#ffffff" : "transparent";
  for (const [dx, dy] of [[0.25, -0.2], [-0.3, 0.3]]) {
    context.beginPath();
    context.arc(dx * r, (look.holes ? 0.55 : dy) * r, r * 0.15, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

export function drawSmear(canvas, smear, kinds, most) {
  const scale = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = sizeOf(canvas, 400, 220).map((side) => Math.round(side * scale));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fbf4f1";
  context.fillRect(0, 0, width, height);
  const names = [...kinds, "normal"];
  const cells = smear.shown.flatMap((n, k) => Array(Math.min(n, 4 * most)).fill(names[k]));
  const places = Math.max(cells.length, 12);
  const cols = Math.max(1, Math.ceil(Math.sqrt((places * width) / height)));
  const rows = Math.ceil(places / cols);
  const unit = Math.min(width / cols, height / rows) * 0.3;
  // every kind keeps its places from frame to frame, in a shuffled order
  const order = Array.from({ length: rows * cols }, (_, i) => i).sort((a, b) => mixed(a, 99, 7) - mixed(b, 99, 7));
  cells.forEach((kind, i) => {
    const place = order[i % order.length], h = mixed(place, 5, smear.voxel);
    const x = ((place % cols) + 0.5 + ((h & 255) / 255 - 0.5) * 0.35) * (width / cols);
    const y = (Math.floor(place / cols) + 0.5 + (((h >>> 8) & 255) / 255 - 0.5) * 0.35) * (height / rows);
    drawCell(context, kind, x, y, unit, h >>> 16);
  });
}
