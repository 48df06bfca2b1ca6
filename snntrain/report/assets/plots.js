// Learning curves, and accuracy against cost.

const WORDS = {
  val_accuracy: "validation accuracy", val_loss: "validation loss",
  train_accuracy: "training accuracy", train_loss: "training loss",
  spikes_per_image: "spikes per image", energy_nj_per_image: "energy per image (nJ)",
};

// A diverged loss must not flatten all other curves: outliers are cut off.
function withoutFar(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const most = sorted[Math.floor(0.95 * (sorted.length - 1))];
  const span = most - sorted[0] || Math.abs(most) || 1;
  return sorted.filter((value) => value <= most + 2 * span);
}

function path(points) {
  let begun = false;
  return points.map((point) => {
    if (!point) return (begun = false) || "";
    const command = `${begun ? "L" : "M"}${point[0].toFixed(1)},${point[1].toFixed(1)}`;
    begun = true;
    return command;
  }).join("");
}

function drawCurves(place, figure, averaged, factor, hidden) {
  const lines = (averaged ? data.bands : data.curves)
    .map((curve) => ({
      runs: curve.runs, epoch: curve.epoch, colour: colourOf(factor, curve.runs[0]),
      mean: averaged ? curve[figure].mean : curve[figure], std: averaged ? curve[figure].std : null,
    }))
    .filter((line) => !hidden.has(line.colour) && line.mean.some((value) => value !== null));
  if (!lines.length) return place.replaceChildren("Nothing to show.");
  const known = lines.flatMap(({ mean, std }) =>
    mean.flatMap((value, n) => (value === null ? [] : std ? [value - std[n], value + std[n]] : [value])));
  const epochs = lines.flatMap((line) => line.epoch);
  const { svg, inside, x, y } = frame(
    place, domain(epochs, 0), domain(withoutFar(known), 0.04), "epoch", WORDS[figure], true);
  const points = [];
  for (const { runs, epoch, colour, mean, std } of lines.reverse()) {
    const shared = { "data-runs": runs.join(" "), style: colourStyle(colour) };
    const placed = mean.map((value, n) => (value === null ? null : [x(epoch[n]), y(value)]));
    if (std) {
      const there = mean.flatMap((value, n) => (value === null ? [] : [n]));
      const edge = (n, sign) => [x(epoch[n]), y(mean[n] + sign * std[n])];
      const around = [...there.map((n) => edge(n, 1)), ...there.reverse().map((n) => edge(n, -1))];
      make("path", { class: "band", d: `${path(around)}Z`, ...shared }, inside);
    }
    const curve = make("path", { class: "curve", d: path(placed), ...shared }, inside);
    if (placed.filter(Boolean).length === 1) curve.setAttribute("stroke-linecap", "round"), curve.setAttribute("d", `${path(placed)}h0.1`);
    placed.forEach((at, n) => at && points.push({
      x: at[0], y: at[1], runs,
      lines: () => [`${WORDS[figure]} ${shown(mean[n])}${std ? ` ± ${shown(std[n])}` : ""} at epoch ${epoch[n]}`, ...described(runs)],
    }));
  }
  tellNearest(svg, points);
}

function drawScatter(place, cost, factor, hidden) {
  const better = data.lower ? -1 : 1;
  const runs = data.runs
    .map((run, index) => ({ run, index, colour: colourOf(factor, index) }))
    .filter(({ run, colour }) => run[cost] !== null && run.value !== null && !hidden.has(colour));
  if (!runs.length) return place.replaceChildren("Nothing to show.");
  const { svg, inside, x, y } = frame(place, domain(runs.map(({ run }) => run[cost]), 0.05),
    domain(runs.map(({ run }) => run.value), 0.08), WORDS[cost], data.metric, false);
  // The front: runs that no other run of lower cost matches.
  let best = -Infinity;
  const front = [...runs].sort((a, b) => a.run[cost] - b.run[cost] || better * (b.run.value - a.run.value))
    .filter(({ run }) => better * run.value > best && ((best = better * run.value), true));
  make("path", { class: "front", d: path(front.map(({ run }) => [x(run[cost]), y(run.value)])) }, inside);
  const points = runs.reverse().map(({ run, index, colour }) => {
    const [px, py] = [x(run[cost]), y(run.value)];
    make("path", { class: "mark", d: SHAPES[Math.max(colour, 0)], transform: `translate(${px},${py})`,
      "data-runs": index, style: colourStyle(colour) }, inside);
    const label = `${data.metric} ${run.shown}, ${shown(run[cost])} ${WORDS[cost]}`;
    return { x: px, y: py, runs: [index], lines: () => [label, ...described([index])] };
  });
  tellNearest(svg, points);
}

// Redraws a chart when a control of its section, its legend or the width of the page changes.
function keepDrawn(name, draw) {
  const place = document.getElementById(name);
  if (!place) return;
  const section = place.closest("section");
  const chosen = (key) => section.querySelector(`select[name="${key}"]`)?.value;
  const hidden = new Set();
  const redraw = () => {
    const factor = factorNamed(chosen("colour"));
    legend(section.querySelector(".legend"), factor, hidden, redraw);
    draw(place, chosen, factor, hidden);
  };
  for (const select of section.querySelectorAll("select")) {
    select.addEventListener("change", () => {
      if (select.name === "colour") hidden.clear();
      redraw();
    });
  }
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth !== width) redraw();
    width = place.clientWidth;
  }).observe(place);
  redraw();
  width = place.clientWidth;
}

keepDrawn("curves", (place, chosen, factor, hidden) =>
  drawCurves(place, chosen("figure"), chosen("over") === "seeds", factor, hidden));
keepDrawn("cost", (place, chosen, factor, hidden) => drawScatter(place, chosen("cost"), factor, hidden));
