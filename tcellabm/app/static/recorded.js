// Frames that were kept, played by a clock instead of a server.
//
// A recording has `about` (what holds throughout), `frames` (facts by day), `places` (parts of each
// frame, as bytes), and `rows` (of the charts, for each patient).

const TICK = 50; // milliseconds

export class RecordedSource {
  constructor({ about, frames, places, rows }) {
    Object.assign(this, { about, frames, places, rows, at: 0, playing: false, speed: 1, day: 0, keeps: true });
    this.until = Infinity; // a day that is not passed
  }

  // The last frame that may be shown.
  get end() {
    const later = this.frames.findIndex((frame) => frame.day > this.until);
    return later < 0 ? this.frames.length - 1 : later - 1;
  }

  listen(receive) {
    this.receive = receive;
    this.last = this.frames[this.frames.length - 1].day;
    receive({ ...this.about, kind: "plan", days: Math.max(this.last, 1) }, []);
    this.timer = setInterval(() => this.move(), TICK);
    this.show();
  }

  show() {
    const frame = this.frames[this.at];
    const upTo = (all) => Float32Array.from(all.filter((row) => row[0] <= frame.day).flat());
    const parts = frame.arms.map((_, i) => new Uint8Array(upTo(this.rows[i]).buffer));
    this.receive({
      ...frame, kind: "frame", query: null, branches: [], playing: this.playing, waits: this.at === this.end && this.until < this.last, rows_after: frame.arms.map(() => -1),
    }, [...this.places[this.at], ...parts]);
  }

  tell(command) {
    const { end } = this;
    if (command.do === "play") this.playing = command.on && this.at < end;
    else if (command.do === "speed") return void (this.speed = command.days_per_second);
    else if (command.do === "step") this.go(Math.min(this.at + 1, end));
    else if (command.do === "seek") this.go(Math.min(this.nearest(command.day), end));
    else return;
    this.day = this.frames[this.at].day;
    this.show();
  }

  nearest(day) {
    const far = (frame) => Math.abs(frame.day - day);
    return this.frames.reduce((best, frame, i) => (far(frame) < far(this.frames[best]) ? i : best), 0);
  }

  go(place) { Object.assign(this, { at: place, playing: false }); }

  move() {
    if (!this.playing) return;
    this.day += (this.speed * TICK) / 1000;
    let next = this.at;
    const { end } = this;
    while (next < end && this.frames[next + 1].day <= this.day) next += 1;
    if (next === this.at) return;
    this.at = next;
    this.playing = this.at < end;
    this.show();
  }

  close() { clearInterval(this.timer); }
}
