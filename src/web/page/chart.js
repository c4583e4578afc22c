// The chart: demand against capacity above, wanted against ready replicas below, one time axis for both.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 46, right: 12, top: 10, bottom: 20 };
// The part of the height that demand and capacity take, and the gap below them.
const UPPER = 0.68;
const GAP = 22;
// Distances between the labels of the time axis, in seconds.
const TIME_STEPS = [1, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];

export function shape(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// The values of an axis that begins at 0: at most `count` steps of 1, 2 or 5 times a power of ten.
function ticks(highest, count, whole) {
  const rough = Math.max(highest, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const top = Math.max(step, Math.ceil(highest / step) * step);
  const values = [];
  for (let n = 0; n * step <= top * 1.0001; n += 1) values.push(n * step);
  return values;
}

// Runs of points without a hole: absence is drawn as absence.
function runs(xs, ys) {
  const found = [];
  let run = [];
  xs.forEach((x, at) => {
    if (ys[at] === null || ys[at] === undefined) {
      if (run.length) found.push(run);
      run = [];
    } else {
      run.push([x, ys[at]]);
    }
  });
  if (run.length) found.push(run);
  return found;
}

const fixed = (n) => n.toFixed(1);
const line = (run) => run.map(([x, y], at) => `${at ? "L" : "M"}${fixed(x)} ${fixed(y)}`).join("");
const steps = (run) => run.map(([x, y], at) => (at ? `H${fixed(x)}V${fixed(y)}` : `M${fixed(x)} ${fixed(y)}`)).join("");
const closed = (path, run, y) => `${path}V${fixed(y)}H${fixed(run[0][0])}Z`;

export class Chart {
  // `describe(index)` gives the text of the tip at a point; `format(number)` that of the axis.
  constructor(svg, tip, describe, format) {
    Object.assign(this, { svg, tip, describe, format, data: null, cursor: null });
    new ResizeObserver(() => this.draw()).observe(svg);
    svg.addEventListener("pointermove", (event) => this.point(this.nearest(event)));
    svg.addEventListener("pointerleave", () => this.point(null));
    svg.addEventListener("blur", () => this.point(null));
    svg.addEventListener("keydown", (event) => this.walk(event));
  }

  // `data`: columns `at`, `demand`, `capacity`, `ready`, `wanted`; numbers `min`, `max`; times `turns` of decisions.
  show(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const { svg, data } = this;
    const width = svg.clientWidth;
    const height = svg.clientHeight;
    if (!data || !width || data.at.length === 0) return svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const first = data.at[0];
    const last = Math.max(data.at[data.at.length - 1], first + 30_000);
    const inner = width - MARGIN.left - MARGIN.right;
    this.x = (at) => MARGIN.left + ((at - first) / (last - first)) * inner;
    this.xs = data.at.map(this.x);
    const bottom = height - MARGIN.bottom;
    const middle = MARGIN.top + (bottom - MARGIN.top) * UPPER;
    const known = (...columns) => Math.max(0, ...columns.flat().filter((n) => n !== null));
    svg.replaceChildren(
      ...this.times(first, last, bottom),
      ...this.upper(known(data.demand, data.capacity), MARGIN.top, middle - GAP, width),
      ...this.lower(known(data.ready, data.wanted), middle, bottom, width),
    );
    this.top = MARGIN.top;
    this.bottom = bottom;
    this.mark();
  }

  // The time axis, and a hairline where a decision changed something.
  times(first, last, bottom) {
    const room = Math.max(2, Math.floor((this.svg.clientWidth - MARGIN.left) / 100));
    const step = 1000 * (TIME_STEPS.find((s) => (last - first) / 1000 / s <= room) ?? 86400);
    const shapes = [];
    for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
      const clock = new Date(at).toLocaleTimeString([], { hour12: false });
      const anchor = this.x(at) > this.svg.clientWidth - 40 ? "end" : "middle";
      shapes.push(shape("text", { x: this.x(at), y: bottom + 15, "text-anchor": anchor }, step < 60_000 ? clock : clock.slice(0, 5)));
    }
    for (const at of this.data.turns.filter((turn) => turn >= first && turn <= last)) {
      shapes.push(shape("line", { class: "turn", x1: this.x(at), x2: this.x(at), y1: MARGIN.top, y2: bottom }));
    }
    return shapes;
  }

  grid(values, y, width, format) {
    return values.flatMap((value) => [
      shape("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      shape("text", { x: MARGIN.left - 7, y: y(value) + 4, "text-anchor": "end" }, format(value)),
    ]);
  }

  // Capacity as an area of steps, demand as a line, and in red what demand has beyond capacity.
  upper(highest, top, bottom, width) {
    const values = ticks(highest * 1.05, 4, false);
    const y = (value) => bottom - (value / values[values.length - 1]) * (bottom - top);
    const of = (column) => runs(this.xs, column.map((value) => (value === null ? null : y(value))));
    const capacity = of(this.data.capacity);
    const demand = of(this.data.demand);
    const above = shape("clipPath", { id: "above" });
    above.append(shape("path", { d: capacity.map((run) => closed(steps(run), run, top)).join("") }));
    this.demandY = this.data.demand.map((value) => (value === null ? null : y(value)));
    return [
      above,
      shape("path", { class: "fill", d: capacity.map((run) => closed(steps(run), run, bottom)).join("") }),
      ...this.grid(values, y, width, this.format),
      shape("path", { class: "lack", "clip-path": "url(#above)", d: demand.map((run) => closed(line(run), run, bottom)).join("") }),
      shape("path", { class: "edge", d: capacity.map(steps).join("") }),
      shape("path", { class: "asked", d: demand.map(line).join("") }),
    ];
  }

  // Ready replicas as an area, wanted ones as a line, and the bounds where they are in sight.
  lower(highest, top, bottom, width) {
    const { min, max, ready, wanted } = this.data;
    const values = ticks(Math.max(highest, min), 2, true);
    const y = (value) => bottom - (value / values[values.length - 1]) * (bottom - top);
    const of = (column) => runs(this.xs, column.map((value) => (value === null ? null : y(value))));
    const bounds = [min, max].filter((bound) => bound > 0 && bound <= values[values.length - 1]);
    return [
      shape("path", { class: "fill", d: of(ready).map((run) => closed(steps(run), run, bottom)).join("") }),
      ...this.grid(values, y, width, String),
      ...bounds.map((n) => shape("line", { class: "bound", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(n), y2: y(n) })),
      shape("path", { class: "edge", d: of(ready).map(steps).join("") }),
      shape("path", { class: "asked", d: of(wanted).map(steps).join("") }),
    ];
  }

  nearest(event) {
    if (!this.xs?.length) return null;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let best = 0;
    this.xs.forEach((own, at) => { if (Math.abs(own - x) < Math.abs(this.xs[best] - x)) best = at; });
    return this.data.at[best];
  }

  walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.data?.at.length) return;
    event.preventDefault();
    const from = this.cursor === null ? this.data.at.length : this.data.at.indexOf(this.cursor);
    const to = Math.min(this.data.at.length - 1, Math.max(0, from + step));
    this.point(this.data.at[to]);
  }

  // The cursor is a time and not a place, so that it moves along as time goes on.
  point(at) {
    this.cursor = at;
    this.mark();
  }

  mark() {
    this.svg.querySelectorAll(".cursor, .dot").forEach((element) => element.remove());
    const index = this.cursor === null || !this.data ? -1 : this.data.at.indexOf(this.cursor);
    this.tip.hidden = index < 0;
    if (index < 0) return;
    const x = this.xs[index];
    this.svg.append(shape("line", { class: "cursor", x1: x, x2: x, y1: this.top, y2: this.bottom }));
    const y = this.demandY[index];
    if (y !== null) this.svg.append(shape("circle", { class: "dot", cx: x, cy: y, r: 3.5 }));
    this.tip.textContent = this.describe(index);
    const left = x + 14 + this.tip.offsetWidth > this.svg.clientWidth ? x - 14 - this.tip.offsetWidth : x + 14;
    this.tip.style.left = `${Math.max(0, left)}px`;
  }
}
