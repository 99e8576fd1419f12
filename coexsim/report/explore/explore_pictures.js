// Pictures: bars of limits, delays of flows, a figure over an axis, and the map of routes.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 860, LEFT = 250, RIGHT = 90, ROW = 30;

function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function sheet(holder, height, label, width = WIDTH, from = [0, 0]) {
  const svg = make("svg", {viewBox: `${from[0]} ${from[1]} ${width} ${height}`, role: "img", "aria-label": label});
  document.getElementById(holder).replaceChildren(svg);
  return svg;
}

const shorten = (words, most) => words.length > most ? `${words.slice(0, most - 1)}…` : words;

function words(svg, x, y, said, attributes = {}) {
  svg.append(make("text", {x, y, ...attributes}, said));
}

// A whisker from the low to the high end of an interval.
function whisker(svg, scale, found, y, across = 5) {
  if (Number.isNaN(found.low) || !Number.isFinite(found.high)) return;
  const [a, b] = [scale(found.low), scale(found.high)];
  svg.append(make("path", {d: `M${a} ${y}H${b}M${a} ${y - across}V${y + across}M${b} ${y - across}V${y + across}`, class: "ink", fill: "none"}));
}

function drawLimits(rows) {
  const most = Math.max(1, ...rows.map(row => Math.min(row.value, 4)));
  const scale = share => LEFT + (WIDTH - LEFT - RIGHT) * Math.max(0, Math.min(share, most)) / most;
  const svg = sheet("busy-picture", rows.length * ROW + 34, document.getElementById("busy-heading").textContent);
  const bottom = rows.length * ROW + 6;
  for (const share of [0, .25, .5, .75, 1]) {
    svg.append(make("path", {d: `M${scale(share)} 0V${bottom}`, class: share === 1 ? "limit" : "line"}));
    words(svg, scale(share), bottom + 18, `${100 * share} %`, {"text-anchor": "middle", class: "small"});
  }
  rows.forEach((row, i) => {
    const y = i * ROW + 18;
    words(svg, LEFT - 8, y + 4, shorten(row.of, 36), {"text-anchor": "end"});
    svg.append(make("rect", {x: LEFT, y: y - 8, width: Math.max(scale(row.value) - LEFT, 1), height: 16, class: "bar"}));
    whisker(svg, scale, row, y);
    words(svg, WIDTH - RIGHT + 10, y + 4, sayShare(row.value), {"data-of": row.of});
  });
}

const TICKS = [1e-3, .01, .1, 1, 10, 60, 600, 3600, 36000, 86400, 864000];

function drawDelays(flows) {
  const all = flows.flatMap(flow => flow.each.map(one => one.value)).filter(value => value > 0);
  const low = Math.min(...all) / 1.5, high = Math.max(...all) * 1.5;
  const scale = value => LEFT + (WIDTH - LEFT - RIGHT) * Math.log(Math.max(value, low) / low) / Math.log(high / low);
  const svg = sheet("delay-picture", flows.length * ROW + 34, document.getElementById("delay-heading").textContent);
  const bottom = flows.length * ROW + 6;
  for (const tick of TICKS.filter(value => value >= low && value <= high)) {
    svg.append(make("path", {d: `M${scale(tick)} 0V${bottom}`, class: "line"}));
    words(svg, scale(tick), bottom + 18, sayDuration(tick), {"text-anchor": "middle", class: "small"});
  }
  flows.forEach((flow, i) => {
    const y = i * ROW + 18, [p50, p95, p99] = flow.each;
    words(svg, LEFT - 8, y + 4, shorten(sayFlow(flow.of), 36), {"text-anchor": "end"});
    svg.append(make("path", {d: `M${scale(p50.value)} ${y}H${scale(p99.value)}`, class: "line", "stroke-width": 5}));
    svg.append(make("path", {d: `M${scale(p50.value)} ${y}H${scale(p95.value)}`, class: "accent", "stroke-width": 5}));
    svg.append(make("circle", {cx: scale(p50.value), cy: y, r: 5, class: "paper ink"}));
    svg.append(make("circle", {cx: scale(p95.value), cy: y, r: 6, class: "bar"}));
    words(svg, WIDTH - RIGHT + 10, y + 4, sayDuration(p95.value), {"data-of": flow.of});
  });
  words(svg, 4, bottom + 18, "○ p50, ● p95, line to p99", {class: "small"});
}

// From 0 on in steps of 1, 2 or 5 times a power of ten, six at the most.
function roundSteps(top) {
  const power = 10 ** Math.floor(Math.log10(top / 5));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(each => top / each < 6);
  return Array.from({length: Math.floor(top / step) + 1}, (_, i) => i * step);
}

// A figure at every value of an axis, all else as it is now; the limit of an objective, and where we are.
function drawCurve(rows, unit, limit, here, axis) {
  const ends = rows.flatMap(row => [row.value, row.low, row.high]).filter(Number.isFinite);
  if (Number.isFinite(limit)) ends.push(limit);
  const top = Math.max(...ends, 0) * 1.1 || 1, height = 300, bottom = height - 44, left = 100, right = WIDTH - 30;
  const x = at => left + (right - left) * at / Math.max(rows.length - 1, 1), y = value => bottom - (bottom - 12) * value / top;
  const svg = sheet("curve", height, document.getElementById("curve-heading").textContent);
  for (const value of roundSteps(top)) {
    svg.append(make("path", {d: `M${left} ${y(value)}H${right}`, class: "line"}));
    words(svg, left - 8, y(value) + 4, say(value, unit), {"text-anchor": "end", class: "small"});
  }
  if (Number.isFinite(limit)) {
    svg.append(make("path", {d: `M${left} ${y(limit)}H${right}`, class: "limit", "stroke-width": 2, "stroke-dasharray": "6 4"}));
    words(svg, right, y(limit) - 6, `limit ${say(limit, unit)}`, {"text-anchor": "end", class: "strong"});
  }
  const seen = rows.map((row, i) => [i, row.value]).filter(([, value]) => Number.isFinite(value));
  if (!seen.length) words(svg, (left + right) / 2, bottom / 2, "nothing was measured at these values", {"text-anchor": "middle"});
  else svg.append(make("path", {d: "M" + seen.map(([i, value]) => `${x(i)} ${y(value)}`).join("L"), class: "accent", fill: "none", "stroke-width": 2}));
  rows.forEach((row, i) => {
    words(svg, x(i), bottom + 20, shorten(row.said, 16), {"text-anchor": i || rows.length === 1 ? (i === rows.length - 1 ? "end" : "middle") : "start", class: "small"});
    if (!Number.isFinite(row.value)) return;
    if (!Number.isNaN(row.low) && Number.isFinite(row.high)) {
      svg.append(make("path", {d: `M${x(i)} ${y(row.low)}V${y(row.high)}M${x(i) - 5} ${y(row.low)}h10M${x(i) - 5} ${y(row.high)}h10`, class: "ink"}));
    }
    svg.append(make("circle", {cx: x(i), cy: y(row.value), r: 5, class: "bar"}));
  });
  svg.append(make("path", {d: `M${x(here)} 8V${bottom}`, class: "ink", "stroke-dasharray": "2 3"}));
  words(svg, (left + right) / 2, height - 6, axis, {"text-anchor": "middle", class: "small"});
}

// --- the map -----------------------------------------------------------------------------------------------------------------

const UNIT = 100;

function drawMap(edges, tell) {
  const {sites, servers, box} = data.map;
  const xs = sites.flatMap(([, x, , w]) => [x - w / 2, x + w / 2]), ys = sites.flatMap(([, , y, , h]) => [y - h / 2, y + h / 2]);
  const corner = [(Math.min(...xs) - .2) * UNIT, (Math.min(...ys) - .2) * UNIT];
  const size = [(Math.max(...xs) + .2) * UNIT - corner[0], (Math.max(...ys) + .2) * UNIT - corner[1]];
  const svg = sheet("map", size[1], "Route map: messages an hour from server to server", size[0], corner);
  for (const [name, x, y, w, h] of sites) {
    svg.append(make("rect", {x: (x - w / 2) * UNIT, y: (y - h / 2) * UNIT, width: w * UNIT, height: h * UNIT, rx: 16, class: "panel line"}));
    words(svg, (x - w / 2) * UNIT + 12, (y - h / 2) * UNIT + 20, shorten(name, 34), {class: "small"});
  }
  const at = new Map(servers.map(([name, x, y]) => [name, [x * UNIT, y * UNIT]]));
  for (const [name, x, y, kind] of servers) {
    svg.append(make("rect", {x: (x - box[0] / 2) * UNIT, y: (y - box[1] / 2) * UNIT, width: box[0] * UNIT, height: box[1] * UNIT, rx: 10, class: "paper soft"}));
    words(svg, x * UNIT, y * UNIT - 4, shorten(name, 28), {"text-anchor": "middle", class: "strong"});
    words(svg, x * UNIT, y * UNIT + 16, shorten(kind, 32), {"text-anchor": "middle", class: "small"});
  }
  const most = Math.max(...edges.map(edge => edge.value), 1e-9), drawn = [];
  for (const edge of edges) {
    if (!at.has(edge.client) || !at.has(edge.server) || edge.client === edge.server) continue;
    drawn.push(drawEdge(svg, edge, at, most, tell, [box[0] * UNIT / 2, box[1] * UNIT / 2]));
  }
  svg.append(...drawn.map(([label]) => label));  // numbers stand above all arrows
}

// The point of a bent arrow at a part of its way.
const along = (a, b, c, t) => [0, 1].map(i => (1 - t) ** 2 * a[i] + 2 * t * (1 - t) * b[i] + t ** 2 * c[i]);
const near = (one, other, half) => Math.abs(one[0] - other[0]) < half[0] && Math.abs(one[1] - other[1]) < half[1];

// The middle of an arrow from one server to another: bent to the right of its way, and so far that it passes no third one.
function middleOf(from, to, others, half) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.hypot(dx, dy), parts = [.1, .2, .3, .4, .5, .6, .7, .8, .9];
  const bent = by => [(from[0] + to[0]) / 2 - dy / length * by, (from[1] + to[1]) / 2 + dx / length * by];
  const isFree = middle => !others.some(at => parts.some(t => near(along(from, middle, to, t), at, [half[0] + 8, half[1] + 8])));
  return [26, 80, 140, 200, 260, -80, -140, -200, -260].map(bent).find(isFree) ?? bent(26);
}

// Where on an arrow its number stands: the nearest to its middle where it covers no server and no edge of a site.
function spotOf(start, middle, end, servers, half, label) {
  const isWithin = (spot, [, x, y, w, h]) => near(spot, [x * UNIT, y * UNIT], [w * UNIT / 2 - label[0], h * UNIT / 2 - label[1]]);
  const touches = (spot, [, x, y, w, h]) => near(spot, [x * UNIT, y * UNIT], [w * UNIT / 2 + label[0], h * UNIT / 2 + label[1]]);
  const isFree = spot => !servers.some(at => near(spot, at, [half[0] + label[0], half[1] + label[1]]))
    && !data.map.sites.some(site => touches(spot, site) && !isWithin(spot, site));
  const spots = [.5, .45, .55, .4, .6, .35, .65, .3, .7, .25, .75].map(t => along(start, middle, end, t));
  return spots.find(isFree) ?? spots[0];
}

// An arrow and its number.
function drawEdge(svg, edge, at, most, tell, half) {
  const from = at.get(edge.client), to = at.get(edge.server);
  const side = (center, towards) => {
    const [a, b] = [towards[0] - center[0], towards[1] - center[1]];
    const scale = Math.min(Math.abs(a) > 1 ? half[0] / Math.abs(a) : Infinity, Math.abs(b) > 1 ? half[1] / Math.abs(b) : Infinity, 1);
    return [center[0] + a * scale, center[1] + b * scale];
  };
  const middle = middleOf(from, to, [...at.values()].filter(each => each !== from && each !== to), half);
  const start = side(from, middle), end = side(to, middle), width = 1.5 + 6 * Math.sqrt(edge.value / most);
  const way = [end[0] - middle[0], end[1] - middle[1]], far = Math.hypot(...way) || 1, [ux, uy] = [way[0] / far, way[1] / far];
  const tip = [[0, 0], [-14, 7], [-14, -7]].map(([a, b]) => `${end[0] + a * ux - b * uy} ${end[1] + a * uy + b * ux}`).join("L");
  const group = make("g", {class: edge.trip ? "edge trip" : "edge", tabindex: 0, role: "button", "aria-label": `${edge.client} to ${edge.server}: ${sayCount(edge.value)} messages an hour`},
    make("title", {}, tell(edge).join("\n")),
    make("path", {d: `M${start.join(" ")}Q${middle.join(" ")} ${end.join(" ")}`, "stroke-width": width}),
    make("path", {d: `M${tip}Z`, class: "tip"}));
  for (const event of ["mouseenter", "focus", "click"]) group.addEventListener(event, () => showEdge(edge));
  svg.append(group);
  const said = sayCount(edge.value), spot = spotOf(start, middle, end, [...at.values()], half, [said.length * 4 + 4, 10]);
  const label = make("g", {}, make("rect", {x: spot[0] - said.length * 4 - 4, y: spot[1] - 10, width: said.length * 8 + 8, height: 20, class: "halo"}),
    make("text", {x: spot[0], y: spot[1] + 5, "text-anchor": "middle", "data-edge": edge.of}, said));
  label.addEventListener("mouseenter", () => showEdge(edge));
  return [label];
}
