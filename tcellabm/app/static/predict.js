// Predict, then see: a question with its answers in order, and what came of it.

import { h } from "./words.js";

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// The answer that a number gives: of values below the first cut the first, and so on.
export const rightAnswer = (cuts, value) => cuts.filter((cut) => value >= cut).length;

// A group of choices; `chosen(index)` is called when one is taken.
export function question(id, ask, answers, given, chosen) {
  const choices = answers.map((text, i) => h("label", { class: "choice" },
    h("input", { type: "radio", name: id, value: i, checked: i === given, onchange: () => chosen(i) }), h("span", {}, text)));
  return h("fieldset", { class: "question" }, h("legend", {}, ask), ...choices);
}

// What was predicted beside what happened.
export function verdict(texts, { ask, answers }, given, right) {
  const predicted = given === undefined ? texts.not_predicted : fill(texts.predicted, { answer: answers[given] });
  const mark = given === right ? texts.as_predicted : texts.otherwise;
  return h("div", { class: "verdict" }, h("p", {}, ask),
    h("p", {}, predicted), h("p", {}, h("b", {}, fill(texts.happened, { answer: answers[right] })), given === undefined ? "" : ` ${mark}`));
}
