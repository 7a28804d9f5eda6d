// A recording of counts, needs and curves, a byte each (`analysis/recording.py`), becomes frames of
// two patients: what was decided, and what would have been.

const MISSING = 255;
const WORST = 5; // the grade of a death

export const opened = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// The days of a recording: from a day on, one every so many days, and the last.
export function daysOf(grid, last) {
  const days = [];
  grid.forEach(([start, step], i) => {
    const end = Math.min(i + 1 < grid.length ? grid[i + 1][0] : Infinity, last);
    for (let day = start; day < end; day += step) days.push(day);
  });
  return [...days, last];
}

// One patient. `run` has `recording` (bytes in base64), `given` ([day, name], ...), and `died`.
export class Recorded {
  constructor(about, run) {
    Object.assign(this, { about, run, bytes: opened(run.recording) });
    this.days = daysOf(about.code.grid, about.days);
    const first = this.bytes.subarray(0, this.days.length), missing = first.indexOf(MISSING);
    this.last = (missing < 0 ? this.days.length : missing) - 1;
    this.rows = this.days.slice(0, this.last + 1).map((_, i) => this.row(i));
    this.cache = new Map();
  }

  byte(line, i) { return this.bytes[line * this.days.length + i]; }

  value(name, i) {
    const line = this.about.code.quantities.findIndex((one) => one.name === name);
    const { low, step, log } = this.about.code.quantities[line], byte = this.byte(line, i), exact = low + step * (byte - 1);
    if (!log) return exact;
    return byte > 0 ? 10 ** exact : 0;
  }

  // The two parts of a byte of needs.
  pair(number, i) {
    const byte = this.byte(this.about.code.quantities.length + number, i);
    return [byte & 15, byte >> 4];
  }

  cells(i) {
    const { kinds, drawn } = this.about;
    return Object.fromEntries(kinds.map((kind) => [kind, drawn.includes(kind) ? Math.round(this.value(kind, i)) : 0]));
  }

  // What is seen at a place in time; after the end, what was seen last.
  facts(place) {
    const i = Math.min(place, this.last);
    if (!this.cache.has(i)) this.cache.set(i, this.look(i));
    return this.cache.get(i);
  }

  look(i) {
    const [pressure, oxygen] = this.pair(0, i), [crs, icans] = this.pair(1, i);
    const died = i === this.last ? this.run.died : "", grades = { CRS: crs, ICANS: icans };
    if (died.toUpperCase() in grades) grades[died.toUpperCase()] = WORST;
    return {
      cells: this.cells(i), temperature: this.value("temperature_c", i), pressure, oxygen, grades, edema: false,
      il6: this.value("il6_pg_per_ml", i), place: this.place(i, crs || icans), died, flows: null, smear: null,
    };
  }

  place(i, ill) {
    const { near, first } = this.about.code.stay, day = this.days[i];
    if (this.pair(2, i)[0]) return "icu";
    const infused = this.run.given.filter(([when, name]) => name === "car_t" && when <= day).map(([when]) => when);
    const since = infused.length ? day - Math.max(...infused) : 0;
    if (ill || since < first) return "ward";
    return since < near ? "near" : "home";
  }

  // What a marrow of one place holds: cells of each kind, then how much it glows, 0 to 1.
  places(place) {
    const i = Math.min(place, this.last), { drawn, code } = this.about;
    const glows = Object.values(code.glows).map(({ name, low, high }) => Math.min(1, Math.log(Math.max(this.value(name, i), low) / low) / Math.log(high / low)));
    return new Uint8Array(Float32Array.from([...drawn.map((kind) => this.value(kind, i)), ...glows]).buffer);
  }

  row(i) {
    const carT = ["car_t_memory", "car_t_effector", "car_t_exhausted"].reduce((sum, kind) => sum + this.value(kind, i), 0);
    const [crs, icans] = this.pair(1, i);
    const values = { day: this.days[i], car_t: carT, crs_grade_astct: crs, icans_grade: icans };
    return this.about.columns.map((name) => values[name] ?? this.value(name, i));
  }
}

// Two patients who are one until a day, and decided about until another; `subtitles` say what sets
// them apart, `ending` how they end.
export function recordingOf(about, a, b, { apartFrom, decidedUntil, subtitles, ending }) {
  const frames = [], places = [], last = Math.max(a.last, b.last);
  const given = [...a.run.given.map((one) => [...one, "a"]), ...b.run.given.map((one) => [...one, "b"])];
  for (let i = 0; i <= last; i++) {
    const day = a.days[i], shown = day >= apartFrom ? [a, b] : [a], ended = i === last;
    frames.push({
      n: i, day, arms: shown.map((one) => one.facts(i)), note: "", columns: about.columns.length, ended, subtitles,
      given: given.filter(([when]) => when <= day && when < decidedUntil), ...(ended ? { ending } : {}),
    });
    places.push(shown.map((one) => one.places(i)));
  }
  return { about, frames, places, rows: [a.rows, b.rows] };
}
