// The page itself: sliders and choices, what they move, the link with the chosen values, and the CSV of what is shown.
const by = id => document.getElementById(id);

function row(body, cells, classes = []) {
  const line = document.createElement("tr");
  const heads = body.closest("table").tHead.rows[0].cells;
  cells.forEach((cell, i) => {
    const box = document.createElement("td");
    box.textContent = cell;
    box.dataset.head = heads[i].textContent;
    if (classes[i]) box.className = classes[i];
    line.append(box);
  });
  body.append(line);
  return line;
}

function fill(id, rows) {
  by(id).replaceChildren();
  for (const [cells, classes, key] of rows) {
    const line = row(by(id), cells, classes);
    if (key !== undefined) line.dataset.of = key;
  }
}

function choices(select, entries) {
  const before = select.value;
  select.replaceChildren(...entries.map(([value, said]) => {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = said;
    return option;
  }));
  if (entries.some(([value]) => String(value) === before)) select.value = before;
}

function paragraphs(id, lines) {
  by(id).replaceChildren(...lines.map(line => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  }));
}

// --- controls ----------------------------------------------------------------------------------------------------------------

const inputs = axes.map((axis, i) => {
  const holder = document.createElement("div"), label = document.createElement("label"), shown = document.createElement("output");
  const input = document.createElement(isSlider(axis) ? "input" : "select");
  holder.className = "axis";
  input.id = `axis-${i}`;
  label.htmlFor = input.id;
  label.append(axis.label, shown);
  if (isSlider(axis)) Object.assign(input, {type: "range", min: 0, max: axis.values.length - 1, step: .1});
  else choices(input, axis.values.map((value, n) => [n, value]));
  input.addEventListener("input", () => { state[i] = Math.round(10 * input.value) / 10; show(); });
  holder.append(label, input);
  by("controls").append(holder);
  return {input, shown};
});

function showControls() {
  axes.forEach((axis, i) => {
    const said = sayValue(axis, state[i]);
    inputs[i].input.value = state[i];
    inputs[i].shown.textContent = isSlider(axis) ? said : "";
    if (isSlider(axis)) inputs[i].input.setAttribute("aria-valuetext", said);
  });
}

// --- the link ----------------------------------------------------------------------------------------------------------------

const hash = () => "#" + new URLSearchParams(axes.map((axis, i) => [axis.key, valueOf(axis, state[i])])).toString();

// Takes from the address what it says of axes that there are; what it says of others, or beyond their ends, is left alone.
function readHash() {
  const said = new URLSearchParams(location.hash.slice(1));
  axes.forEach((axis, i) => {
    const value = said.get(axis.key);
    if (value === null) return;
    if (!isSlider(axis)) {
      if (axis.values.includes(value)) state[i] = axis.values.indexOf(value);
      return;
    }
    const at = Number(value), n = axis.numbers.findIndex((low, k) => low <= at && at <= axis.numbers[k + 1]);
    if (value.trim() && n >= 0) state[i] = Math.round(10 * (n + (at - axis.numbers[n]) / (axis.numbers[n + 1] - axis.numbers[n]))) / 10;
  });
}

// --- what is shown -----------------------------------------------------------------------------------------------------------

function showAnswer(verdicts) {
  const missed = verdicts.filter(each => each.answer === "missed"), unsure = verdicts.filter(each => each.answer === "cannot say");
  const met = verdicts.length - missed.length - unsure.length;
  let said = "The scenario states no objectives.";
  if (verdicts.length) {
    const all = ["The objective is", "Both objectives are"][met - 1] ?? `All ${met} objectives are`;
    said = met === verdicts.length ? `${all} met.` : `${met} of ${verdicts.length} objectives met`;
    if (missed.length) said += `; missed: ${missed.map(each => each.text).join("; ")}`;
    if (unsure.length) said += `; cannot say of: ${unsure.map(each => each.text).join("; ")}`;
  }
  by("finding").textContent = said.split("; ")[0].replace(/\.$/, "");
  by("headline").hidden = !said.includes("; "); // the heading has all of it
  by("headline").textContent = said.endsWith(".") ? said : `${said}.`;
  const moved = axes.filter((axis, i) => !Number.isInteger(state[i]));
  const ends = moved.map(axis => {
    const at = state[axes.indexOf(axis)];
    return `${axis.label}: between ${sayValue(axis, Math.floor(at))} and ${sayValue(axis, Math.floor(at) + 1)}`;
  });
  by("basis").textContent = moved.length ? `Interpolated, not computed (${ends.join("; ")}).`
    : `Computed: ${data.replications} ${data.replications === 1 ? "run, without an interval" : "runs; intervals are at 95 %"}.`;
  fill("verdicts", verdicts.map(each => [[each.text, each.answer, sayFigure(each, each.unit), each.why],
    ["", each.answer.replace(" ", "-"), "", ""], each.text]));
}

const DELAYS = ["mean", "p50", "p95", "p99"];

function showDelays() {
  const flows = known("p95 delay").map(({of, value}) => ({of, p95: value, all: DELAYS.map(name => figure(`${name} delay`, of, "s"))}))
    .sort((a, b) => b.p95 - a.p95);
  const heading = flows.length ? `95 % of ${sayFlow(flows[0].of)} mail arrives within ${sayDuration(flows[0].p95)}` : "Nothing is delivered";
  by("delay-heading").textContent = flows.length > 1
    ? `${heading}, of ${sayFlow(flows[flows.length - 1].of)} within ${sayDuration(flows[flows.length - 1].p95)}` : heading;
  fill("delays", flows.map(({of, all}) => {
    const [sent, delivered] = ["sent", "delivered"].map(name => figure(`recipients ${name}`, of, "n").value);
    return [[sayFlow(of), sayCount(sent), ...all.map(each => sayFigure(each, "s")), sayShare(delivered / sent)],
      ["", "n", "r", "r", "r", "r", "n"], of];
  }));
  if (flows.length) drawDelays(flows.map(({of, all}) => ({of, each: all.slice(1)})));
  else by("delay-picture").replaceChildren();
}

function showLimits() {
  const rows = known("busy in the ").sort((a, b) => b.value - a.value);
  by("busy-heading").textContent = !rows.length ? "No limit is in use"
    : `${rows[0].of}: ${sayShare(rows[0].value)} in use in the ${data.peak}` + (rows.length > 1 ? `; nothing else passes ${sayShare(rows[1].value)}` : "");
  fill("limits", rows.map(each => [[each.of, sayShare(each.value), sayInterval(each, "1"), sayDuration(figure("95 % wait no longer than", each.of, "s").value)],
    ["", "n", "n", "n"], each.of]));
  drawLimits(rows);
  fill("queues", known("most messages in the queue").map(each => [[each.of, sayCount(each.value), saySize(figure("most bytes in the queue", each.of, "B").value)],
    ["", "n", "n"], each.of]));
}

// --- the curve ---------------------------------------------------------------------------------------------------------------

function curveFigures() {
  const shown = ["objective", "p95 delay", "busy in the ", "most bytes in the queue", "bytes between sites"];
  return data.figures.flatMap(([what, of], i) => shown.some(name => what.startsWith(name)) ? [[i, what === "objective" ? of : `${what}: ${of}`]] : []);
}

function showCurve() {
  const at = Number(by("curve-figure").value), i = Number(by("curve-axis").value), axis = axes[i];
  const [what, of, unit] = data.figures[at], objective = data.objectives.findIndex(each => each.figure === at);
  const rows = axis.values.map((_, n) => {
    const place = state.map((here, k) => k === i ? n : here);
    return {said: sayValue(axis, n), ...(objective < 0 ? figureAt(at, place) : verdictAt(objective, place))};
  });
  const limit = objective < 0 ? NaN : number(data.objectives[objective].limit), here = figureAt(at, state);
  by("curve-heading").textContent = `${what === "objective" ? of : `${what}, ${of}`}: ${sayFigure(here, unit)} at ${sayValue(axis, state[i])}`;
  by("curve-head").textContent = axis.label;
  by("curve-answer").hidden = objective < 0;
  fill("curve-rows", rows.map(each => [[each.said, say(each.value, unit), sayInterval(each, unit), ...(objective < 0 ? [] : [each.answer])],
    ["", "n", "n", (each.answer || "").replace(" ", "-")]]));
  drawCurve(rows, unit, limit, state[i], axis.label);
}

// --- routes ------------------------------------------------------------------------------------------------------------------

const saidRule = (rule, reason) => reason ? `${rule.replaceAll("-", " ")}: ${reason}` : rule.replaceAll("-", " ");

function tellEdge(edge) {
  const lines = edge.uses.map(use => `${sayFlow(use.flow)}: ${saidRule(use.rule, use.reason)}`);
  return [`${edge.client} to ${edge.server}: ${sayCount(edge.value)} messages an hour`, ...new Set(lines)];
}

function showEdge(edge) {
  paragraphs("edge", tellEdge(edge));
}

function showRoutes() {
  const routes = routesAt(state), trips = routes.round_trips.map(text);
  const uses = routes.uses.map(([flow, client, server, rule, reason]) => (
    {flow: text(flow), client: text(client), server: text(server), rule: text(rule), reason: text(reason)}));
  const edges = known("messages an hour").filter(each => each.value > 0).map(each => {
    const mine = uses.filter(use => `${use.client} -> ${use.server}` === each.of);
    const [client, server] = mine.length ? [mine[0].client, mine[0].server] : each.of.split(" -> ");
    return {...each, client, server, uses: mine, trip: mine.some(use => trips.includes(use.flow))};
  });
  drawMap(edges, tellEdge);
  by("edge").replaceChildren();
  fill("edges", edges.map(each => [[each.client, each.server, sayCount(each.value), [...new Set(each.uses.map(use => sayFlow(use.flow)))].join(", ")],
    ["", "", "n", ""], each.of]));
}

function showTrace() {
  const routes = routesAt(state);
  choices(by("sender"), routes.senders.map((name, i) => [i, text(name)]));
  choices(by("recipient"), routes.recipients.map((name, i) => [i, text(name)]));
  const found = routes.traces[by("sender").value]?.[by("recipient").value];
  if (!found) { by("told").replaceChildren(); return; }
  const [outcome, hops, said, notice] = found;
  const steps = hops.map(([server, rule, reason], i) => `${i + 1}. ${text(server)}: ${saidRule(text(rule), text(reason))}`);
  const end = `${text(outcome)}${text(said) ? `: ${text(said)}` : ""}`;
  paragraphs("told", [...steps, end, ...(text(notice) ? [text(notice)] : [])]);
  by("left-out").textContent = routes.left_out ? `${routes.left_out} more classes of senders and recipients are not on this page; coexsim trace knows them.` : "";
}

// --- CSV ---------------------------------------------------------------------------------------------------------------------

// A cell that a spreadsheet would take for a formula begins with an apostrophe.
function cell(value) {
  const said = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said;
}

function csv() {
  const head = [...axes.map(axis => axis.key), "what", "of", "unit", "value", "low", "high", "answer", "basis"];
  const place = axes.map((axis, i) => valueOf(axis, state[i])), basis = isComputed(state) ? "computed" : "interpolated";
  const lines = data.figures.map(([what, of, unit], at) => {
    const objective = data.objectives.findIndex(each => each.figure === at), found = figureAt(at, state);
    const plain = [found.value, found.low, found.high].map(value => Number.isNaN(value) ? "" : value);
    return [...place, what, of, unit, ...plain, objective < 0 ? "" : verdictAt(objective).answer, basis];
  });
  return [head, ...lines].map(line => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

let csvAddress = "";
by("csv").addEventListener("pointerdown", prepareCsv);
by("csv").addEventListener("focus", prepareCsv);
by("csv").addEventListener("click", prepareCsv);

function prepareCsv() {
  if (csvAddress) URL.revokeObjectURL(csvAddress);
  csvAddress = URL.createObjectURL(new Blob([csv()], {type: "text/csv;charset=utf-8"}));
  by("csv").href = csvAddress;
}

// --- all at once -------------------------------------------------------------------------------------------------------------

function show() {
  const verdicts = data.objectives.map((each, i) => ({text: each.text, unit: data.figures[each.figure][2], ...verdictAt(i)}));
  showControls();
  showAnswer(verdicts);
  showDelays();
  showLimits();
  showCurve();
  showRoutes();
  showTrace();
  by("link").href = hash();
}

readHash();
choices(by("curve-figure"), curveFigures());
choices(by("curve-axis"), axes.map((axis, i) => [i, axis.label]));
for (const id of ["curve-figure", "curve-axis"]) by(id).addEventListener("input", showCurve);
for (const id of ["sender", "recipient"]) by(id).addEventListener("input", showTrace);
window.addEventListener("hashchange", () => { readHash(); show(); });
show();
