// The page: listens to /api/v1/stream and shows what it hears.

import { Chart, shape } from "/chart.js";

const POINTS_MAX = 600;
const SPACING_MS = 1000;
const DECISIONS_MAX = 200;

const byId = (id) => document.getElementById(id);
const state = {
  startedAt: null,
  workloads: new Map(),
  decisions: new Map(),
  selected: null,
  metric: null,
  // The selected workload's past, column by column.
  past: null,
};

// Words and numbers.

function format(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  for (const [unit, sign] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= unit) {
      const scaled = sign === "k" ? value / 1e3 : value / unit;
      return `${scaled.toPrecision(3).replace(/\.?0+$/, "")}${sign}`;
    }
  }
  return String(Number(size >= 100 ? value.toFixed(0) : value.toPrecision(3)));
}

const percent = (part) => (part === null ? "–" : `${Math.round(part * 100)} %`);
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
const count = (n) => (n === null || n === undefined ? "–" : String(n));

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(id, text, unit) {
  const target = byId(id);
  target.textContent = text;
  if (unit) target.append(" ", element("small", "", unit));
}

// How full the ready replicas are: 1 is full. The fullest metric speaks for the workload.
function use(metric) {
  return metric.demand === null || !metric.capacity ? null : metric.demand / metric.capacity;
}

function fullest(workload) {
  const known = workload.metrics.filter((metric) => use(metric) !== null);
  return known.sort((a, b) => use(b) - use(a))[0] ?? workload.metrics[0] ?? null;
}

// The past of the selected workload.

function columns(workload) {
  const metrics = workload.metrics.map(({ name }) => ({ name, demand: [], capacity: [] }));
  return { workload: workload.workload, at_ms: [], ready: [], desired: [], metrics };
}

function select(name) {
  state.selected = name;
  state.metric = null;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  recall(name);
  render();
}

// Asks the server for what happened before the page was there.
async function recall(name) {
  state.past = null;
  let past = null;
  try {
    const answer = await fetch(`/api/v1/history?workload=${encodeURIComponent(name)}`);
    if (answer.ok) past = await answer.json();
  } catch {
    // The stream says that the connection is lost; what it brings next begins a new past.
  }
  if (state.selected !== name) return;
  state.past = past ?? columns({ workload: name, metrics: [] });
  render();
}

function remember(workload, at) {
  const names = workload.metrics.map(({ name }) => name).join("\n");
  const fits = state.past.metrics.map(({ name }) => name).join("\n") === names;
  const newest = state.past.at_ms.at(-1) ?? -Infinity;
  // A rule that changed measures something else, and a clock that was set back begins again.
  if (!fits || at < newest) state.past = columns(workload);
  else if (at < newest + SPACING_MS) return;
  const past = state.past;
  past.at_ms.push(at);
  past.ready.push(workload.ready);
  past.desired.push(workload.decision?.to ?? null);
  past.metrics.forEach((metric, index) => {
    metric.demand.push(workload.metrics[index].demand);
    metric.capacity.push(workload.metrics[index].capacity);
  });
  const all = [past.at_ms, past.ready, past.desired, ...past.metrics.flatMap((metric) => [metric.demand, metric.capacity])];
  if (past.at_ms.length > POINTS_MAX) all.forEach((column) => column.shift());
}

// The chart and what stands around it.

const chart = new Chart(byId("chart"), byId("tip"), describe, format);

function describe(index) {
  const { at, demand, capacity, ready, wanted } = chart.data;
  const lines = [
    clock(at[index]),
    `demand    ${format(demand[index])}`,
    `capacity  ${format(capacity[index])}`,
    `wanted    ${count(wanted[index])}`,
    `ready     ${count(ready[index])}`,
  ];
  return lines.join("\n");
}

function renderFocus() {
  const workload = state.workloads.get(state.selected);
  byId("focus").hidden = !workload;
  if (!workload) return;
  const metric = workload.metrics.find(({ name }) => name === state.metric) ?? fullest(workload);
  const full = metric ? use(metric) : null;
  byId("focus-name").textContent = workload.workload;
  const problem = workload.problem ?? (workload.failures ? `${workload.failures} failed: ${workload.last_error ?? ""}` : null);
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem ?? "";
  const missing = metric && metric.demand === null ? metric.demand_state : "";
  say("demand", format(metric?.demand), missing || metric?.name);
  say("capacity", format(metric?.capacity), metric?.per_replica ? `${format(metric.per_replica)} each` : "");
  say("headroom", percent(full === null ? null : 1 - full));
  byId("free").classList.toggle("short", full > 1);
  say("wanted", count(workload.decision?.to), `of ${workload.min}–${workload.max}`);
  say("ready", count(workload.ready), workload.in_flight ? "scaling" : "");
  const decision = workload.decision;
  const foreseen = metric?.forecast;
  byId("ahead").hidden = !foreseen;
  if (foreseen) say("foreseen", format(foreseen.demand), `p${Math.round(foreseen.quantile * 100)}, trust ${foreseen.trust.toFixed(2)}`);
  renderNotes(workload);
  say("why", decision ? `${decision.layer}: ${decision.reason}` : "No decision yet.");
  renderMetrics(workload, metric);
  renderChart(workload, metric);
}

// What somebody did or said, and what keeps a decision from being carried out.
function notes(workload) {
  const { muted, manual, drift, rolled_back_to: back } = workload;
  const when = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return [
    muted && `Not carried out: ${muted.reason}`,
    manual && `${manual.author} asked for ${manual.replicas} until ${when(manual.until)}${manual.reason ? `: ${manual.reason}` : ""}`,
    drift && `Somebody else changed ${drift.set} to ${drift.found} at ${when(drift.since)}`,
    back !== null && `The last scaling went wrong and was taken back to ${back}`,
  ].filter(Boolean);
}

function renderNotes(workload) {
  const lines = notes(workload);
  byId("notes").hidden = lines.length === 0;
  byId("notes").replaceChildren(...lines.map((line) => element("li", "", line)));
}

function renderMetrics(workload, chosen) {
  const names = workload.metrics.map(({ name }) => name);
  const group = byId("metrics");
  group.hidden = names.length < 2;
  if (group.dataset.names !== names.join("\n")) {
    group.dataset.names = names.join("\n");
    group.replaceChildren(...names.map((name) => {
      const button = element("button", "", name);
      button.type = "button";
      button.addEventListener("click", () => { state.metric = name; renderFocus(); });
      return button;
    }));
  }
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.textContent === chosen?.name));
}

function renderChart(workload, metric) {
  const past = state.past;
  if (past?.workload !== workload.workload) return chart.show(null);
  const nothing = past.at_ms.map(() => null);
  const column = past.metrics.find(({ name }) => name === metric?.name) ?? { demand: nothing, capacity: nothing };
  const turns = [...state.decisions.values()].filter((entry) => entry.workload === workload.workload).map((entry) => entry.at_ms);
  chart.show({
    at: past.at_ms, demand: column.demand, capacity: column.capacity, ready: past.ready, wanted: past.desired,
    min: workload.min, max: workload.max, turns,
  });
  const text = `Demand ${format(metric?.demand)} against capacity ${format(metric?.capacity)}; `
    + `${count(workload.decision?.to)} replicas wanted, ${count(workload.ready)} ready.`;
  byId("chart").setAttribute("aria-label", text);
}

// The table.

function bar(part) {
  const cell = element("div", "use");
  const drawn = shape("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (part !== null) drawn.append(shape("rect", { width: Math.min(100, part * 100), height: 10 }));
  if (part > 1) drawn.setAttribute("class", "short");
  cell.append(drawn, element("span", "", percent(part)));
  return cell;
}

// A row is made once and filled again and again: a new one would swallow a click that is half done.
function row(name) {
  const made = element("tr");
  const pick = element("button", "pick", name);
  pick.type = "button";
  made.append(element("td"), ...Array.from({ length: 6 }, () => element("td")));
  made.cells[0].append(pick);
  made.addEventListener("click", () => select(name));
  return made;
}

function fill(made, workload) {
  const metric = fullest(workload);
  const { decision, min, max, ready } = workload;
  const trouble = workload.problem ?? (workload.failures ? workload.last_error : null);
  const moving = decision && decision.to !== ready;
  const contents = [
    [metric && metric.demand === null ? metric.demand_state : format(metric?.demand), "number"],
    [bar(metric ? use(metric) : null), ""],
    [`${count(decision?.to)} / ${count(ready)}`, moving ? "number moving" : "number"],
    [`${min}–${max}`, "number"],
    [decision ? element("span", "chip", decision.layer) : "–", ""],
    [trouble ?? notes(workload)[0] ?? decision?.reason ?? "", trouble ? "because trouble" : "because"],
  ];
  contents.forEach(([content, className], at) => {
    const cell = made.cells[at + 1];
    cell.className = className;
    cell.replaceChildren(content);
  });
  made.setAttribute("aria-current", String(workload.workload === state.selected));
}

function renderWorkloads() {
  const body = byId("workloads").tBodies[0];
  const names = [...state.workloads.keys()];
  if (body.dataset.names !== names.join("\n")) {
    body.dataset.names = names.join("\n");
    body.replaceChildren(...names.map(row));
  }
  [...state.workloads.values()].forEach((workload, at) => fill(body.rows[at], workload));
  byId("workloads").hidden = names.length === 0;
  byId("no-workloads").hidden = names.length > 0;
}

// The log.

function item(entry) {
  const made = element("li");
  made.dataset.id = entry.id;
  made.dataset.workload = entry.workload;
  const details = element("details");
  const summary = element("summary");
  const time = element("time", "", clock(entry.at_ms));
  time.dateTime = entry.at;
  const way = entry.to > entry.from ? "up" : entry.to < entry.from ? "down" : "";
  const name = element("span", "name", entry.workload);
  name.title = entry.workload;
  const outcome = element("span", entry.outcome.startsWith("failed") ? "chip trouble" : "chip", entry.outcome || "on its way");
  summary.append(
    time, name, element("span", `move ${way}`, `${entry.from} → ${entry.to}`),
    element("span", "chip", entry.layer), element("span", "reason", entry.reason), outcome,
  );
  const steps = element("div", "steps");
  entry.steps.forEach((step) => {
    const last = step.layer === entry.layer ? "last" : "";
    steps.append(element("b", last, step.layer), element("span", last, step.wants), element("span", `text ${last}`, step.reason));
  });
  details.append(summary, steps);
  made.append(details);
  return made;
}

// Puts one decision into the log; one that is there already has a new outcome and keeps its place.
function log(entry) {
  const list = byId("decisions");
  const known = list.querySelector(`[data-id="${entry.id}"]`);
  state.decisions.set(entry.id, entry);
  const made = item(entry);
  if (known) {
    made.firstChild.open = known.firstChild.open;
    known.replaceWith(made);
  } else {
    list.prepend(made);
  }
  while (list.children.length > DECISIONS_MAX) {
    state.decisions.delete(Number(list.lastChild.dataset.id));
    list.lastChild.remove();
  }
  byId("no-decisions").hidden = true;
}

function narrow() {
  const only = byId("only").checked;
  for (const entry of byId("decisions").children) entry.hidden = only && entry.dataset.workload !== state.selected;
}

function render() {
  renderFocus();
  renderWorkloads();
  byId("only-name").textContent = state.selected ?? "this workload";
  narrow();
}

// The stream.

function connection(name, text) {
  byId("connection").dataset.state = name;
  if (byId("connection").textContent !== text) byId("connection").textContent = text;
}

function greet({ version, started_at: startedAt }) {
  byId("version").textContent = version;
  if (state.startedAt !== null && state.startedAt !== startedAt) {
    // Another process: what the last one decided is not its log, nor are its ids.
    state.decisions.clear();
    byId("decisions").replaceChildren();
    byId("no-decisions").hidden = false;
    if (state.selected) recall(state.selected);
  }
  state.startedAt = startedAt;
  connection("live", "live");
}

function hear({ at_ms: at, workloads }) {
  state.workloads = new Map(workloads.map((workload) => [workload.workload, workload]));
  if (!state.workloads.has(state.selected) && workloads.length) select(workloads[0].workload);
  const selected = state.workloads.get(state.selected);
  if (selected && state.past) remember(selected, at);
  render();
}

if (location.hash.length > 1) select(decodeURIComponent(location.hash.slice(1)));
const stream = new EventSource("/api/v1/stream");
stream.addEventListener("hello", (event) => greet(JSON.parse(event.data)));
stream.addEventListener("decision", (event) => log(JSON.parse(event.data)));
stream.addEventListener("workloads", (event) => hear(JSON.parse(event.data)));
stream.addEventListener("error", () => connection("lost", "connection lost, trying again"));
byId("only").addEventListener("change", narrow);
