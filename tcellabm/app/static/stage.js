// The page: takes messages from whoever plays (the server, or a replay), shows them, sends commands.

const NOTICE = "Teaching model \u2013 not for clinical use";

const SHORTEST = 1 / 40; // seconds between two pictures: more is work that nobody sees

class Stage {
  constructor(root, tell) {
    Object.assign(this, { root, tell, stats: { frames: 0, draws: 0 }, latest: null, moving: 0 });
    this.controls = new Controls(tell, this);
    this.arms = { a: new Arm("a", tell), b: new Arm("b", tell) };
    this.status = h("p", { class: "status", role: "status" }, "Starting\u2026");
    this.error = h("p", { class: "error", role: "alert", hidden: true });
    this.spoken = h("p", { class: "hidden-text", "aria-live": "polite" });
    this.welcome = new Welcome();
    this.end = h("dialog", { class: "end", "aria-label": "How it ended" });
    this.top = h("header", { class: "top" },
      h("h1", {}, "CAR T cells against leukemia: two twins"),
      h("span", { class: "notice" }, NOTICE), this.status);
    document.documentElement.lang = "en";
    root.className = "twins";
    root.stats = this.stats;
    root.replaceChildren(this.top, this.error, this.controls.node, this.arms.a.node, this.arms.b.node,
      this.controls.bar, this.spoken, this.welcome.node, this.end);
    this.onKey = (event) => { if (this.about && !this.end.open) this.controls.key(event); };
    document.addEventListener("keydown", this.onKey);
    const loop = (time) => {
      this.draw(time / 1000);
      this.timer = requestAnimationFrame(loop);
    };
    this.timer = requestAnimationFrame(loop);
  }

  close() {
    cancelAnimationFrame(this.timer);
    document.removeEventListener("keydown", this.onKey);
  }

  receive(message, buffers) {
    if (message.kind === "plan") this.begin(message);
    else if (message.kind === "frame") this.latest = { frame: message, buffers };
    else if (message.kind === "status") this.setStatus(message.text);
    else if (message.kind === "error") this.fail(message.text);
    else if (message.kind === "file") save(message.name, new Blob([buffers[0]]));
  }

  begin(about) {
    this.about = about;
    this.error.hidden = true;
    this.welcome.node.remove();
    this.ended = false;
    this.spokenAt = undefined;
    if (this.end.open) this.end.close();
    Object.values(this.arms).forEach((arm) => arm.begin(about));
    this.controls.begin(about);
    this.setGlow(this.glow || "il6");
    this.askDetail();
  }

  setStatus(text) {
    set(this.status, text);
    this.welcome.say(text);
  }

  fail(text) {
    this.setStatus("");
    this.welcome.bar.hidden = true;
    set(this.error, text);
    this.error.hidden = false;
  }

  setGlow(name) {
    this.glow = name;
    for (const { marrow } of Object.values(this.arms)) {
      marrow.glow = name;
      if (marrow.size) marrow.paintGround();
    }
    this.stale = true;
  }

  // Called with every picture of the screen: applies the newest frame, and lets dots wander.
  draw(time) {
    const fresh = this.latest;
    if (fresh) {
      this.latest = null;
      this.show(fresh.frame, fresh.buffers);
    }
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const playing = this.frame && this.frame.playing;
    const moves = playing && !still && time - this.drawnAt > SHORTEST;
    if (!this.frame || !(fresh || this.stale || moves || this.resized())) return;
    if (playing && !still) this.moving += Math.min(time - this.drawnAt || 0, 0.1);
    this.drawnAt = time;
    this.stale = false;
    this.stats.dots = Object.values(this.arms).map((arm) => arm.marrow.draw(this.moving));
    this.stats.draws += 1;
    if (fresh) this.tell({ do: "drawn", n: fresh.frame.n });
  }

  resized() {
    const width = this.root.clientWidth;
    const changed = width !== this.width;
    this.width = width;
    if (changed) this.askDetail();
    if (changed && this.frame) Object.values(this.arms).forEach((arm) => arm.redraw(this.frame));
    return changed;
  }

  // As many dots as the canvas has room for.
  askDetail() {
    const side = this.arms.a.marrowCanvas.clientWidth;
    if (side) this.tell({ do: "look", detail: Math.min(1, (side * side) / 230000) });
  }

  show(frame, buffers) {
    const n = frame.arms.length;
    const apart = n === 2;
    this.frame = frame;
    Object.assign(this.root, { day: frame.day, given: frame.given.length });
    this.stats.frames += 1;
    const [a, b] = [this.arms.a, this.arms.b];
    for (const [i, arm] of [a, b].slice(0, n).entries()) {
      arm.addRows(frame.rows_from[i], rowsOf(buffers[n + i], frame.columns));
    }
    if (!apart) b.rows = a.rows.slice();
    a.show(frame, frame.arms[0], bytes(buffers[0]), apart ? "" : "same as the twin so far");
    b.show(frame, frame.arms[n - 1], bytes(buffers[n - 1]), apart ? "not given what your patient got" : "same as your patient so far");
    this.controls.show(frame);
    this.setStatus("");
    this.say(frame);
    if (frame.query != null && this.onQuery) this.onQuery(frame.query);
    if (frame.ended && !this.ended) this.finish(frame.ending);
    this.ended = Boolean(frame.ended);
  }

  // A screen reader hears the state when play stops and when the grade changes, not 25 times a second.
  say(frame) {
    const key = `${frame.playing}|${frame.arms.map(({ grades, edema, died }) => `${Object.values(grades)}${edema}${died}`)}|${frame.given.length}`;
    if (key === this.spokenAt) return;
    this.spokenAt = key;
    set(this.spoken, `${frame.playing ? "" : "Paused. "}${this.arms.a.words} ${frame.arms.length === 2 ? this.arms.b.words : "The twin is the same."}`);
  }

  finish(ending) {
    if (!ending) return;
    this.end.replaceChildren(
      h("h2", {}, ending.title),
      ending.why ? h("p", { class: "why" }, ending.why) : null,
      h("div", { class: "ends" }, ...ending.arms.map((arm) => h("section", {},
        h("h3", {}, `${TITLES[arm.name]}: ${arm.word}`),
        h("ul", {}, ...arm.said.map((text) => h("li", {}, text))),
        ending.why ? null : h("p", {}, arm.why)))),
      h("p", { class: "notice" }, `${NOTICE}. Scrub back and act differently to see another ending.`),
      h("form", { method: "dialog" }, h("button", { autofocus: true }, "Close")));
    this.end.dataset.asTold = ending.as_told;
    if (!this.end.open) this.end.showModal();
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.setStatus("Link copied");
    } catch {
      this.setStatus("The link is in the address bar");
    }
  }

  picture() {
    const width = 1400, height = 800, canvas = h("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.fillStyle = INK;
    context.font = "bold 22px system-ui, sans-serif";
    context.fillText(`CAR T cells against leukemia, day ${this.frame.day.toFixed(1)}`, 20, 34);
    context.font = "15px system-ui, sans-serif";
    context.fillText(NOTICE, 20, 58);
    Object.values(this.arms).forEach((arm, i) => {
      const x = 20 + i * 690;
      context.fillStyle = INK;
      context.fillText(arm.words, x, 84, 670);
      context.drawImage(arm.marrowCanvas, x, 100, 400, 400);
      context.drawImage(arm.smearCanvas, x + 410, 100, 260, (260 * arm.smearCanvas.height) / arm.smearCanvas.width);
      context.drawImage(arm.cellCanvas, x, 510, 670, 180);
      context.drawImage(arm.feverCanvas, x, 695, 670, 90);
    });
    canvas.toBlob((blob) => save("tcellabm.png", blob));
  }
}

function bytes(buffer) {
  return buffer instanceof Uint8Array ? buffer
    : buffer instanceof DataView ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
}

function rowsOf(buffer, columns) {
  const flat = new Float32Array(bytes(buffer).slice().buffer), rows = [];
  for (let i = 0; i < flat.length; i += columns) rows.push(flat.subarray(i, i + columns));
  return rows;
}

function save(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
