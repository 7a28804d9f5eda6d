// What is said of a patient at the end, and how words and numbers of the site are joined.

import { fill } from "./predict.js";
import { count } from "./words.js";

// Words and numbers of the same thing, at any depth.
function merged(words, numbers) {
  if (Array.isArray(words)) return words.map((one, i) => merged(one, numbers[i]));
  if (typeof words !== "object" || typeof numbers !== "object") return numbers;
  const all = { ...words, ...numbers };
  for (const name of Object.keys(words)) if (name in numbers) all[name] = merged(words[name], numbers[name]);
  return all;
}

export function joined({ texts, site }) {
  const parts = Object.fromEntries(["about", "trees", "hundred"].map((name) => [name, merged(texts[name], site[name])]));
  return { ...parts, texts };
}

const whole = (number) => Math.round(number).toLocaleString("en-US");

// How one patient ended: a word, sentences, and why.
export function outcome({ texts, about }, run) {
  const { said } = texts, line = (name, values = {}) => fill(said[name], values);
  const drugs = [...new Set(run.given.map(([, name]) => name))];
  const doses = drugs.map((name) => line("dose", { number: run.given.filter((one) => one[1] === name).length, name: said[name] ?? about.treatments[name].name }));
  const end = { day: whole(run.followed_days), cells: count(run.leukemic_cells_end) };
  const lines = [
    run.cmax_cells ? line("peak", { cells: count(run.cmax_cells), day: whole(run.tmax_day) }) : "",
    run.remission ? line("remission", { day: whole(run.remission_day) }) : line("no_remission"),
    run.relapse_day === null ? "" : line("relapse", { day: whole(run.relapse_day) }),
    run.crs_grade_astct ? line("crs", { grade: run.crs_grade_astct }) : line("no_crs"),
    run.icans_grade_whole ? line("icans", { grade: run.icans_grade_whole }) : "",
    run.icu_days ? line("icu", { days: run.icu_days.toFixed(1) }) : line("no_icu"),
    drugs.length ? line("doses", { doses: doses.join(", ") }) : "",
    run.death_day === null ? line(run.cured ? "cured" : "left", end) : line("death", { day: whole(run.death_day) }),
  ];
  return { word: texts.fates[run.fate], said: lines.filter(Boolean), why: texts.whys[run.fate] };
}
