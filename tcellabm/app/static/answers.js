// What a pupil predicted: kept on this machine, and taken along in a link.

const KEPT = "tcellabm-classroom";

// "rescue.0:2,rescue.1:1": question and answer.
export const written = (answers) => Object.entries(answers).map(([question, answer]) => `${question}:${answer}`).join(",");

export function readAnswers(text) {
  const pairs = text.split(",").map((one) => one.match(/^([\w-]+\.\d+):(\d)$/)).filter(Boolean);
  return Object.fromEntries(pairs.map(([, question, answer]) => [question, Number(answer)]));
}

export class Answers {
  // Answers of a link are shown, and do not replace those that are kept.
  constructor(linked) {
    this.linked = Boolean(linked);
    this.all = readAnswers(linked || this.stored());
  }

  stored() {
    try {
      return localStorage.getItem(KEPT) || "";
    } catch {
      return ""; // a browser that keeps nothing for files
    }
  }

  get(question) { return this.all[question]; }

  put(question, answer) {
    this.all[question] = answer;
    this.keep();
  }

  clear() {
    this.all = {};
    this.keep();
  }

  keep() {
    if (this.linked) return;
    try {
      localStorage.setItem(KEPT, written(this.all));
    } catch {
      // they hold until the page is left
    }
  }
}
