// An axis of powers of ten: how many cells there are, beside the dots that cannot show it.

import { POPULATIONS, sizeOf } from "./dots.js";
import { power } from "./words.js";

const DECADES = 12;
const NAMES = { leukemia: "L", car_t: "T", b_cell: "B" };
const SHOWN = { leukemia: "#c25400", car_t: "#0072b2", b_cell: "#6b7280" };

export class Ladder {
  constructor(canvas) { this.canvas = canvas; }

  draw(cells) {
    const { canvas } = this, scale = Math.min(2, window.devicePixelRatio || 1);
    const [w, height] = sizeOf(canvas, 90, 300);
    [canvas.width, canvas.height] = [Math.round(w * scale), Math.round(height * scale)];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, w, height);
    const size = Math.max(13, 0.85 * parseFloat(getComputedStyle(canvas).fontSize));
    context.font = `${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const top = size, bottom = height - 2.2 * size, left = 2.6 * size;
    const y = (n) => (n >= 1 ? bottom - (Math.log10(n) / DECADES) * (bottom - top) : height - 0.8 * size);
    context.fillStyle = "#1f2733";
    context.strokeStyle = "#8592a3";
    context.textAlign = "right";
    context.beginPath();
    for (let decade = 0; decade <= DECADES; decade += 1) {
      context.moveTo(left - (decade % 3 ? 3 : 6), y(10 ** decade));
      context.lineTo(left, y(10 ** decade));
      if (decade % 3 === 0) context.fillText(decade ? power(decade) : "1", left - 8, y(10 ** decade));
    }
    context.fillText("0", left - 8, y(0));
    context.moveTo(left, top);
    context.lineTo(left, bottom);
    context.stroke();
    this.marks(context, cells, y, left, w, size);
  }

  marks(context, cells, y, left, w, size) {
    const each = (w - left - 4) / 3;
    Object.entries(NAMES).forEach(([name, letter], i) => {
      const n = POPULATIONS[name].reduce((sum, kind) => sum + cells[kind], 0);
      const x = left + 4 + i * each, at = y(n);
      context.fillStyle = SHOWN[name];
      context.fillRect(x, at, each - 3, Math.max(3, y(0) - at + 3));
      context.textAlign = "center";
      context.fillText(letter, x + each / 2 - 1, at - 0.6 * size);
    });
  }
}
