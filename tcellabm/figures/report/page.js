"use strict";
// The state of the page is which cell is chosen, which run is open, and what is filtered.

const { runs, cells, axes } = DATA;
const SERVER = "http://127.0.0.1:8765/";
const COLORS = CHARTS.dots.encoding.color.scale.range;
const SHAPES = { circle: "●", "triangle-up": "▲", square: "■", cross: "✚" };
const MARKS = CHARTS.dots.encoding.shape.scale.range.map((shape) => SHAPES[shape]);
const state = { cell: 0, open: -1, sort: "number", down: false, hidden: new Set(), least: {}, whole: false };
const views = {};

function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
const byId = (id) => document.getElementById(id);
const day = (value) => (value === null ? "–" : `${Math.round(value)}`);
const PHENOTYPES = { cd19_positive: "CD19+", cd19_negative: "CD19−" };

// --- charts --------------------------------------------------------------------------------------

async function draw(place, name, spec, data, options = {}) {
  if (views[name]) views[name].finalize();
  const whole = { ...structuredClone(spec), datasets: data };
  const { view } = await vegaEmbed(place, whole, { actions: false, renderer: "svg", ...options });
  views[name] = view;
  return view;
}

function ordered(spec) {
  const copy = structuredClone(spec);
  const across = axes.length ? axes[0].values.length : 1;
  copy.width.step = Math.max(34, Math.min(copy.width.step, (byId("maps").clientWidth - 56) / across));
  const encodings = copy.layer.map((layer) => layer.encoding);
  for (const encoding of encodings) {
    const [x, y] = axes;
    if (encoding.x === undefined) continue;
    Object.assign(encoding.x, { sort: x ? x.values : [], title: x ? x.label : null });
    if (!x) encoding.x.axis = null;
    if (encoding.y.value !== undefined) continue;
    Object.assign(encoding.y, { sort: y ? [...y.values].reverse() : [], title: y ? y.label : null });
    if (!y) encoding.y.axis = null;
  }
  return copy;
}

const named = (cell) => axes.map((axis, i) => `${axis.label.split(" (")[0]} ${cell.labels[i]}`).concat(DATA.facets[cell.facet] || []).join(", ") || "all patients";

function square(cell, id) {
  return { id, x: cell.labels[0] ?? "", y: axes.length > 1 ? cell.labels[1] : "", name: named(cell), n: cell.n, reference: cell.reference };
}

async function drawMaps() {
  const place = byId("maps");
  for (const [facet, title] of DATA.facets.entries()) {
    const row = h("div", { class: "row" });
    if (title) place.append(h("h3", {}, title));
    place.append(row);
    for (const { name, title: caption, unseen } of DATA.panels) {
      const chart = h("div");
      row.append(h("figure", {}, h("figcaption", {}, caption), chart));
      if (unseen) {
        chart.replaceChildren(h("p", { class: "soft" }, "Not observed: followed for less than 365 days."));
        continue;
      }
      const data = cells.map((cell, id) => ({ ...square(cell, id), ...cell.shown[name] })).filter((one) => cells[one.id].facet === facet);
      const view = await draw(chart, `map-${facet}-${name}`, ordered(CHARTS.map), { cells: data, label: DATA.label.map((x) => ({ x })) });
      view.addEventListener("click", (event, item) => { if (item?.datum?.id !== undefined) choose(item.datum.id); });
    }
  }
}

function mark() {
  for (const [name, view] of Object.entries(views)) {
    if (name.startsWith("map-") || name === "elsewhere") view.signal("chosen", state.cell).runAsync();
  }
}

// --- the patients of a cell ----------------------------------------------------------------------

function members() {
  const found = [];
  for (let i = 0; i < runs.cell.length; i++) if (runs.cell[i] === state.cell) found.push(i);
  return found;
}

const passes = (i) => !state.hidden.has(runs.fate[i])
  && Object.entries(state.least).every(([name, least]) => runs[name][i] >= least);

const COLUMNS = [
  { key: "number", title: "patient", of: (i) => DATA.patients[runs.who[i]].number, text: (v) => `${v}` },
  { key: "fate", title: "outcome", of: (i) => runs.fate[i], text: (v) => DATA.fates[v], mark: true },
  { key: "remission_day", title: "remission (day)", of: (i) => (runs.remission[i] ? runs.remission_day[i] : null), text: day },
  { key: "relapse_day", title: "relapse (day)", of: (i) => runs.relapse_day[i], text: (v, i) => (v === null ? "–" : `${day(v)} ${PHENOTYPES[runs.relapse_phenotype[i]] ?? ""}`) },
  { key: "death_day", title: "death (day)", of: (i) => runs.death_day[i], text: (v, i) => (v === null ? "–" : `${day(v)} ${runs.death_cause[i]}`) },
  { key: "crs_grade_penn", title: "CRS", of: (i) => runs.crs_grade_penn[i], text: (v) => `${v}` },
  { key: "icans_grade", title: "ICANS", of: (i) => runs.icans_grade[i], text: (v) => `${v}` },
  { key: "icu_days", title: "days in ICU", of: (i) => runs.icu_days[i], text: (v) => (v ? v.toFixed(1) : "0") },
];

function sorted(list) {
  const { of } = COLUMNS.find((column) => column.key === state.sort);
  const sign = state.down ? -1 : 1;
  return [...list].sort((a, b) => {
    const [u, v] = [of(a), of(b)];
    if (u === null || v === null) return (u === null) - (v === null); // what did not happen comes last
    return sign * (u - v) || a - b;
  });
}

function choose(id) {
  const who = state.open >= 0 ? runs.who[state.open] : -1;
  state.cell = id;
  mark();
  for (const [i, select] of [...document.querySelectorAll("#choices select")].entries()) select.value = `${chosenPart(i)}`;
  const same = members().find((i) => runs.who[i] === who);
  if (same !== undefined) open(same); // the patient who is open, at the new point
  else showPatients();
}

const chosenPart = (i) => (i < axes.length ? cells[state.cell].labels[i] : cells[state.cell].facet);

function pick() {
  const wanted = [...document.querySelectorAll("#choices select")].map((select) => select.value);
  const fits = (cell) => wanted.every((value, i) => `${i < axes.length ? cell.labels[i] : cell.facet}` === value);
  const found = cells.findIndex(fits);
  if (found >= 0) choose(found);
}

function drawChoices() {
  const place = byId("choices");
  const offered = axes.map((axis) => [axis.label, axis.values.map((value) => [value, value])]);
  if (DATA.facets.length > 1) offered.push(["further", DATA.facets.map((title, i) => [`${i}`, title])]);
  for (const [label, values] of offered) {
    const select = h("select", { onchange: pick }, ...values.map(([value, text]) => h("option", { value }, text)));
    place.append(h("label", {}, label, select));
  }
}

const symbol = (fate) => h("span", { style: `color:${COLORS[fate]}`, "aria-hidden": "true" }, `${MARKS[fate]} `);

function drawFilters() {
  const offered = [["crs_grade_penn", "CRS at least", 5], ["icans_grade", "ICANS at least", 5], ["icu_days", "days in ICU at least", 30]];
  for (const [name, label, most] of offered) {
    const input = h("input", { type: "number", min: 0, max: most, step: 1, value: 0, style: "width:4.5em", oninput: () => {
      state.least[name] = Number(input.value) || 0;
      showPatients();
    } });
    byId("filters").append(h("label", {}, label, input));
  }
  for (const [fate, name] of DATA.fates.entries()) {
    const button = h("button", { type: "button", "aria-pressed": "true", onclick: () => {
      if (!state.hidden.delete(fate)) state.hidden.add(fate);
      button.setAttribute("aria-pressed", `${!state.hidden.has(fate)}`);
      showPatients();
    } }, symbol(fate), name);
    byId("legend").append(h("li", {}, button));
  }
}

function piles(list) {
  const byGrade = [[], [], [], [], [], []];
  for (const i of [...list].sort((a, b) => runs.fate[a] - runs.fate[b] || a - b)) byGrade[runs.crs_grade_penn[i]].push(i);
  const highest = Math.max(...byGrade.map((pile) => pile.length), 1);
  const across = Math.min(9, Math.max(1, Math.ceil(Math.sqrt(highest / 1.6))));
  return byGrade.flatMap((pile, grade) => pile.map((i, k) => ({
    id: i, px: grade * 10 + 5 + ((k % across) - (across - 1) / 2) * (8.4 / Math.max(across, 3)), py: Math.floor(k / across) + 0.5,
    fate: DATA.fates[runs.fate[i]], patient: `${DATA.patients[runs.who[i]].number}`, CRS: grade, ICANS: runs.icans_grade[i], ICU: runs.icu_days[i],
  })));
}

function showPatients() {
  const all = members();
  const list = sorted(all.filter(passes));
  byId("count").textContent = `${named(cells[state.cell])}: ${list.length} of ${all.length} patients`;
  const data = piles(list);
  const tallest = Math.max(...data.map((dot) => dot.py), 1);
  const spec = structuredClone(CHARTS.dots);
  spec.height = Math.min(250, Math.max(60, 14 * (tallest + 0.5)));
  spec.encoding.y.scale.domain = [0, tallest + 0.5];
  spec.encoding.size = { value: tallest > 20 ? 28 : 60 };
  draw(byId("dots"), "dots", spec, { dots: data }).then((view) => {
    view.signal("opened", state.open).runAsync();
    view.addEventListener("click", (event, item) => { if (item?.datum?.id !== undefined) open(item.datum.id, true); });
  });
  showTable(list);
}

function showTable(list) {
  const heads = COLUMNS.map(({ key, title }) => {
    const here = state.sort === key;
    const sort = here ? (state.down ? "descending" : "ascending") : "none";
    return h("th", { scope: "col", "aria-sort": sort }, h("button", { type: "button", onclick: () => {
      state.down = here ? !state.down : key !== "number";
      state.sort = key;
      showPatients();
    } }, `${title}${here ? (state.down ? " ▼" : " ▲") : ""}`));
  });
  const rows = list.map((i) => h("tr", { class: i === state.open ? "opened" : undefined, onclick: () => open(i, true) },
    ...COLUMNS.map(({ key, of, text, mark: marked }) => {
      const shown = text(of(i), i);
      if (marked) return h("td", {}, symbol(runs.fate[i]), shown);
      return h("td", {}, key === "number" ? h("button", { type: "button", "aria-label": `open patient ${shown}` }, shown) : shown);
    })));
  const none = h("tr", {}, h("td", { colspan: COLUMNS.length }, "No patient of this point passes the filters."));
  byId("table").replaceChildren(h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...(rows.length ? rows : [none])));
}

// --- one patient ---------------------------------------------------------------------------------

const bytes = Uint8Array.from(atob(DATA.courses), (letter) => letter.charCodeAt(0));
const MISSING = 255;

function course(i) {
  const rows = DATA.quantities.length + 1;
  const length = DATA.days.length;
  const at = (row, k) => bytes[(i * rows + row) * length + k];
  const found = [];
  for (let k = 0; k < length; k++) {
    if (at(0, k) === MISSING) continue;
    const time = Math.min(DATA.days[k], runs.followed_days[i]);
    DATA.quantities.forEach((quantity, row) => {
      const code = at(row, k);
      const value = quantity.low + quantity.step * (code - 1);
      found.push({ day: time, name: quantity.name, value: !quantity.log ? Math.round(100 * value) / 100 : code ? 10 ** value : 0.1 });
    });
    const grades = at(rows - 1, k);
    found.push({ day: time, name: "CRS (Penn)", value: grades % 16 }, { day: time, name: "ICANS", value: grades >> 4 });
  }
  return found;
}

function open(i, scroll = false) {
  state.open = i;
  if (runs.cell[i] !== state.cell) { state.cell = runs.cell[i]; mark(); }
  showPatients();
  showOne(i);
  if (scroll) byId("patient").scrollIntoView({ behavior: "smooth", block: "start" });
}

function facts(i) {
  const told = COLUMNS.slice(1).map(({ title, of, text }) => [title, text(of(i), i)]);
  told.push(["MRD-negative", runs.mrd_negative[i] ? "yes" : "no"], ["tocilizumab, doses", `${runs.tocilizumab_doses[i]}`],
    ["corticosteroid, doses", `${runs.steroid_doses[i]}`], ["followed", `${runs.followed_days[i]} days`]);
  return h("dl", {}, ...told.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

function copyable(text) {
  const button = h("button", { type: "button", onclick: () => {
    const done = () => { button.textContent = "copied"; };
    navigator.clipboard?.writeText(text).then(done, () => select(code));
    if (!navigator.clipboard) select(code);
  } }, "Copy");
  const code = h("code", {}, text);
  return [code, button];
}

function select(node) {
  getSelection().selectAllChildren(node);
}

function playing(i) {
  const [point, patient] = [DATA.points[runs.point[i]], DATA.patients[runs.who[i]]];
  const noCommand = point.why_no_command || patient.why_no_command;
  const noQuery = point.why_no_query || patient.why_no_query;
  const command = ["tcellabm run", point.command, patient.command, `--seed ${patient.seed}`].filter(Boolean).join(" ");
  const query = [point.query, patient.query, `seed=${patient.seed}`].filter(Boolean).join("&");
  return h("div", { class: "play" },
    h("h3", {}, "The same patient again, by command"),
    ...(noCommand ? [h("p", { class: "soft" }, noCommand)] : copyable(command)),
    h("h3", {}, "On the class page (start it with: tcellabm app)"),
    ...(noQuery ? [h("p", { class: "soft" }, `Not there: ${noQuery}.`)] : copyable(`${SERVER}?${query}`)));
}

function showOne(i) {
  const patient = DATA.patients[runs.who[i]];
  const chart = h("div");
  const elsewhere = h("div");
  const whole = h("input", { type: "checkbox", onchange: () => { state.whole = whole.checked; stretch(); } });
  whole.checked = state.whole;
  const stretch = () => views.course?.signal("last", state.whole ? Math.max(1, runs.followed_days[i]) : Math.min(60, DATA.days[DATA.days.length - 1])).runAsync();
  const left = h("div", { class: "left" },
    h("div", { class: "choices" }, h("label", {}, whole, "whole follow-up (after day 60 every two weeks)")), chart);
  const right = h("div", { class: "right" }, facts(i), playing(i),
    h("figure", { class: "small", style: "margin:8px 0" }, h("figcaption", {}, "The same patient at every point: outcome by color, worst CRS grade as the number"), elsewhere));
  byId("patient-title").textContent = `3. Patient ${patient.number}: ${named(cells[state.cell])}`;
  byId("one").replaceChildren(h("div", { class: "pair" }, left, right));
  const data = course(i);
  if (data.length) {
    const spec = structuredClone(CHARTS.course);
    const width = Math.max(220, Math.min(480, left.clientWidth - 80));
    for (const panel of spec.vconcat) panel.width = width;
    draw(chart, "course", spec, { course: data }).then(stretch);
  } else chart.replaceChildren(h("p", { class: "soft" }, "No curves were kept of this run."));
  drawElsewhere(elsewhere, i);
}

function drawElsewhere(place, i) {
  const facet = cells[state.cell].facet;
  const data = [];
  for (let k = 0; k < runs.cell.length; k++) {
    if (runs.who[k] === runs.who[i] && cells[runs.cell[k]].facet === facet) {
      data.push({ ...square(cells[runs.cell[k]], runs.cell[k]), run: k, fate: DATA.fates[runs.fate[k]], CRS: runs.crs_grade_penn[k], ICANS: runs.icans_grade[k] });
    }
  }
  draw(place, "elsewhere", ordered(CHARTS.elsewhere), { cells: data }).then((view) => {
    view.signal("chosen", state.cell).runAsync();
    view.addEventListener("click", (event, item) => { if (item?.datum?.run !== undefined) open(item.datum.run); });
  });
}

// --- begin ---------------------------------------------------------------------------------------

async function begin() {
  byId("notes").textContent = `${DATA.notes.join(". ")}.`;
  byId("sentences").replaceChildren(...DATA.sentences.map((line) => h("li", {}, line)));
  byId("reading").textContent = DATA.legend.join(" ");
  byId("footer").textContent = DATA.footer;
  await drawMaps();
  drawChoices();
  drawFilters();
  choose(Math.max(0, DATA.first));
  byId("one").append(h("p", { class: "soft" }, "Click a patient, in the dots or in the table."));
  document.body.dataset.ready = "true";
}
begin();
