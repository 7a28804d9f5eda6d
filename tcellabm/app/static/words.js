// Numbers and terms in words.

const SUPER = { 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074", 5: "\u2075", 6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079", "-": "\u207b" };

export const power = (n) => `10${String(n).replace(/./g, (c) => SUPER[c])}`;

// Counts as a class reads them: 3, 1,200, 45 thousand, 2.1 million, 140 billion.
export function count(n) {
  if (n < 1e4) return Math.round(n).toLocaleString("en-US");
  const [unit, word] = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"], [1e3, "thousand"]].find(([u]) => n >= u);
  const v = n / unit;
  return `${v >= 100 ? Math.round(v / 10) * 10 : v >= 10 ? Math.round(v) : v.toFixed(1)} ${word}`;
}

// A concentration: two digits that count.
export const level = (n) => Number(n.toPrecision(n < 100 ? 2 : 3)).toLocaleString("en-US");

// A number of a slider, short.
export function short(n) {
  if (n >= 1e5 || (n < 0.01 && n > 0)) {
    const e = Math.floor(Math.log10(n) + 1e-9);
    return `${(n / 10 ** e).toFixed(1)}\u00d7${power(e)}`;
  }
  return Number(n.toPrecision(3)).toString();
}

// The page in another language: texts by the English ones, {} for what is put in.
const spoken = { plain: {}, patterns: [] };
const SAID = ["aria-label", "data-tip", "aria-description", "aria-valuetext"];

export function speak(texts) {
  const others = Object.entries(texts).filter(([english, text]) => text !== english);
  spoken.plain = Object.fromEntries(others.filter(([english]) => !english.includes("{}")));
  spoken.patterns = others.filter(([english]) => english.includes("{}")).map(([english, text]) => {
    const parts = english.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return [new RegExp(`^${parts.join("(.+)")}$`), text];
  });
}

export function t(text) {
  if (text in spoken.plain) return spoken.plain[text];
  for (const [pattern, other] of spoken.patterns) {
    const found = pattern.exec(text);
    if (found) return found.slice(1).reduce((all, part) => all.replace("{}", () => part), other);
  }
  return text;
}

// A sentence with parts put in, in the language of the page.
export const phrase = (english, ...parts) => parts.reduce((text, part) => text.replace("{}", () => part), t(english));

const said = (child) => (typeof child === "string" ? t(child) : child);

export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, SAID.includes(name) ? t(value) : value);
  }
  node.append(...children.filter((child) => child != null).map(said));
  return node;
}

// A word that explains itself when pointed at or reached by the keyboard.
export function term(about, key, text) {
  const tip = about.glossary[key];
  if (!tip) return document.createTextNode(t(text || key));
  return h("span", { class: "term", tabindex: 0, "data-tip": tip, "aria-description": tip }, text || key);
}

export function set(node, english) {
  const text = t(english);
  if (node.textContent !== text) node.textContent = text;
}
