// The common parts of the charts: scales, axes, marks, the legend, and the run under the pointer.

const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = 7;
const MARGIN = { top: 26, right: 18, bottom: 40, left: 58 };
const NEAR = 30;
const SHAPES = [
  "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0Z", "M-4,-4H4V4H-4Z", "M0,-5.5L5,4H-5Z", "M0,-5.5L5.5,0L0,5.5L-5.5,0Z",
  "M0,5.5L5,-4H-5Z", "M-2,-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z", "M-5,-2.5H5V2.5H-5Z",
];

function make(name, attributes, parent, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent?.append(node);
  return node;
}

function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => Number(((first + n) * step).toPrecision(12)));
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e7 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : 4 });
}

function domain(values, padding) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = [low - (Math.abs(low) * 0.05 || 0.5), high + (Math.abs(high) * 0.05 || 0.5)];
  const pad = (high - low) * padding;
  return [low - pad, high + pad];
}

// Draws an empty chart with axes in `place`; returns the functions that map a value to pixels.
function frame(place, xDomain, yDomain, xTitle, yTitle, wholeX) {
  const width = Math.max(place.clientWidth, 280);
  const height = Math.max(place.clientHeight, 200);
  const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
  const x = (value) => left + ((value - xDomain[0]) / (xDomain[1] - xDomain[0])) * (right - left);
  const y = (value) => bottom - ((value - yDomain[0]) / (yDomain[1] - yDomain[0])) * (bottom - top);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${yTitle} by ${xTitle}` });
  for (const tick of ticks(...yDomain, height / 60)) {
    make("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }, svg);
    make("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, svg, shown(tick));
  }
  for (const tick of ticks(...xDomain, width / 110).filter((value) => !wholeX || Number.isInteger(value))) {
    make("line", { class: "grid", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5 }, svg);
    make("text", { x: x(tick), y: bottom + 19, "text-anchor": "middle" }, svg, shown(tick));
  }
  make("text", { x: right, y: bottom + 35, "text-anchor": "end" }, svg, xTitle);
  make("text", { x: left, y: 12 }, svg, yTitle);
  const clip = make("clipPath", { id: `${place.id}-clip` }, svg);
  make("rect", { x: left, y: top - 6, width: right - left + 6, height: bottom - top + 6 }, clip);
  const inside = make("g", { "clip-path": `url(#${place.id}-clip)` }, svg);
  place.replaceChildren(svg);
  return { svg, inside, x, y };
}

const factorNamed = (name) => data.factors.find((factor) => factor.name === name);

// The index of a run's value among the values of its factor: its colour and shape.
function colourOf(factor, run) {
  if (!factor) return 0;
  return factor.values.indexOf(factor.name === "run" ? data.runs[run].label : data.runs[run].settings[factor.name]) % COLOURS;
}

const colourStyle = (colour) => (colour < 0 ? "--colour: var(--muted)" : `--colour: var(--c${colour})`);

// A button per value, which hides and shows its runs; `hidden` holds the indices of the hidden values.
function legend(place, factor, hidden, redraw) {
  place.replaceChildren();
  for (const [index, value] of (factor?.values ?? []).entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(!hidden.has(index)));
    const mark = make("svg", { viewBox: "-6 -6 12 12", "aria-hidden": "true" }, button);
    make("path", { class: "mark", d: SHAPES[index], style: colourStyle(index) }, mark);
    button.append(value);
    button.addEventListener("click", () => {
      if (!hidden.delete(index)) hidden.add(index);
      redraw();
      place.children[index].focus();
    });
    place.append(button);
  }
}

// Highlights every curve, mark and table row of `runs`; nothing if there are none.
function highlight(runs) {
  const wanted = new Set(runs.map(String));
  for (const svg of document.querySelectorAll(".plot svg")) svg.classList.toggle("lit", wanted.size > 0);
  for (const node of document.querySelectorAll("[data-runs]")) {
    node.classList.toggle("lit", node.dataset.runs.split(" ").some((run) => wanted.has(run)));
  }
}

const tip = document.getElementById("tip");

function showTip(event, runs, lines) {
  const title = document.createElement("strong");
  title.textContent = runs.length === 1 ? `run ${data.runs[runs[0]].label}` : `${runs.length} runs`;
  tip.replaceChildren(title, ...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
  tip.hidden = false;
  const left = Math.min(event.clientX + 16, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 12)}px`;
}

// `points`: {x, y, runs, lines()}, in pixels of `svg`; the nearest one is highlighted.
function tellNearest(svg, points) {
  const leave = () => {
    tip.hidden = true;
    highlight([]);
  };
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const [px, py] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    let nearest = null;
    let distance = NEAR;
    for (const point of points) {
      const away = Math.hypot(point.x - px, point.y - py);
      if (away < distance) [nearest, distance] = [point, away];
    }
    if (!nearest) return leave();
    highlight(nearest.runs);
    showTip(event, nearest.runs, nearest.lines());
  });
}

function described(runs) {
  const settings = data.runs[runs[0]].settings;
  return Object.entries(settings).filter(([key]) => runs.length === 1 || key !== "seed").map(([key, value]) => `${key}=${value}`);
}

for (const row of document.querySelectorAll("#runs tbody tr")) {
  const runs = [Number(row.dataset.runs)];
  for (const kind of ["pointerenter", "focusin"]) row.addEventListener(kind, () => highlight(runs));
  for (const kind of ["pointerleave", "focusout"]) row.addEventListener(kind, () => highlight([]));
}
