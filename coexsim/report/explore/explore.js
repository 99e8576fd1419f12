"use strict";
// What is shown at a place of the grid: state, interpolation between computed points, and words for figures.
// Every name comes out of the data and goes into the page as text.
const data = JSON.parse(document.getElementById("data").textContent);
const axes = data.axes;
const strides = axes.map((_, i) => axes.slice(i + 1).reduce((n, axis) => n * axis.values.length, 1));
const state = data.start.slice();
const byKey = new Map(data.figures.map((figure, i) => [figure.join("\n"), i]));

const isSlider = axis => axis.numbers !== null;
const number = value => value === "inf" ? Infinity : value === "-inf" ? -Infinity : value === null ? NaN : value;
const text = at => data.texts[at];

// --- where we are ------------------------------------------------------------------------------------------------------------

// The computed points around a place, each with its weight; one alone where the place is a computed point.
function around(place) {
  let found = [[0, 1]];
  place.forEach((at, i) => {
    const low = Math.floor(at), share = at - low;
    const ends = share ? [[low, 1 - share], [low + 1, share]] : [[low, 1]];
    found = found.flatMap(([point, weight]) => ends.map(([n, part]) => [point + n * strides[i], weight * part]));
  });
  return found;
}

const isComputed = place => place.every(at => Number.isInteger(at));

// A figure at a place: its value, the interval, and whether it was computed or lies between computed points.
function figureAt(at, place) {
  const points = around(place).map(([point, weight]) => [data.points[point], weight]);
  const values = points.map(([point, weight]) => [number(point.v[at]), weight]);
  if (points.length === 1) {
    const [point] = points[0];
    return {value: number(point.v[at]), low: number(point.l[at]), high: number(point.h[at])};
  }
  const lows = points.map(([point]) => number(point.l[at])), highs = points.map(([point]) => number(point.h[at]));
  return {value: between(values, data.figures[at][2]), low: Math.min(...lows), high: Math.max(...highs)};
}

// Durations are interpolated in proportion, all else along a straight line.
function between(values, unit) {
  const inProportion = unit === "s" && values.every(([value]) => value > 0);
  const sum = values.reduce((total, [value, weight]) => total + weight * (inProportion ? Math.log(value) : value), 0);
  return inProportion ? Math.exp(sum) : sum;
}

function figure(what, of, unit, place = state) {
  const at = byKey.get([what, of, unit].join("\n"));
  return at === undefined ? {value: NaN, low: NaN, high: NaN} : figureAt(at, place);
}

// An objective at a place: met or missed only where all points around it say so.
function verdictAt(i, place = state) {
  const points = around(place).map(([point]) => data.points[point]);
  const answers = new Set(points.map(point => data.answers[point.a[i]]));
  const found = figureAt(data.objectives[i].figure, place);
  if (answers.size === 1) {
    const why = points.length === 1 ? text(points[0].w[i]) : "";
    return {...found, answer: [...answers][0], why};
  }
  return {...found, answer: "cannot say", why: `the answer changes between the points around: ${[...answers].join(", ")}`};
}

const routesAt = place => data.routes[data.routeOf[around(place).reduce((a, b) => b[1] > a[1] ? b : a)[0]]];

// --- words -------------------------------------------------------------------------------------------------------------------

const three = value => Number(value.toPrecision(3));

function sayScaled(value, scales) {
  for (const [limit, unit, scale] of scales) if (Math.abs(three(value)) < limit) return `${three(value / scale)} ${unit}`;
  return "";
}

function sayDuration(seconds) {
  if (Number.isNaN(seconds)) return "-";
  if (!Number.isFinite(seconds)) return "never";
  if (seconds === 0) return "0 s";
  return sayScaled(seconds, [[1e-3, "µs", 1e-6], [1, "ms", 1e-3], [120, "s", 1], [7200, "min", 60], [172800, "h", 3600],
    [Infinity, "days", 86400]]);
}

const sayBytes = value => sayScaled(value, [[1e3, "B", 1], [1e6, "KB", 1e3], [1e9, "MB", 1e6], [1e12, "GB", 1e9], [Infinity, "TB", 1e12]]);
const saySize = value => Number.isNaN(value) ? "-" : Number.isFinite(value) ? sayBytes(value) : "no end";
const sayCount = value => Number.isNaN(value) ? "-" : Number.isFinite(value)
  ? value.toLocaleString("en-US", {maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0}) : "no end";
const sayShare = value => Number.isNaN(value) ? "-" : `${(100 * value).toFixed(1)} %`;
const say = (value, unit) => ({s: sayDuration, B: saySize, "1": sayShare}[unit] || sayCount)(value);
const hasInterval = found => !Number.isNaN(found.low) && !(found.low <= 0 && found.high === Infinity);
const sayInterval = (found, unit) => !hasInterval(found) ? "-" : found.high === Infinity ? `at least ${say(found.low, unit)}`
  : `${say(found.low, unit)} to ${say(found.high, unit)}`;
const whole = said => said.replaceAll(" ", "\u00a0");  // no line begins with a unit, and an interval stands on one line
const sayFigure = (found, unit) => whole(say(found.value, unit)) + (!hasInterval(found) ? "" : ` ${whole(`(${sayInterval(found, unit)})`)}`);

function sayFlow(flow) {
  const trips = routesAt(state).round_trips.map(text);
  return flow.replace("->", " → ") + (trips.includes(flow) ? " (round trip)" : "");
}

function valueOf(axis, at) {
  if (!isSlider(axis)) return axis.values[at];
  const low = Math.floor(at), share = at - low, numbers = axis.numbers;
  return share ? three(numbers[low] + share * (numbers[low + 1] - numbers[low])) : numbers[low];
}

const sayValue = (axis, at) => isSlider(axis) ? `${valueOf(axis, at)} ${axis.unit}`.trim() : String(valueOf(axis, at));

// Each figure of one kind that is known somewhere near: `of` with what was found, in the order of the data.
// Those whose name is, or begins with, `what`: of a share in use the hour follows, or what was measured.
function known(what) {
  return data.figures.flatMap(([name, of, unit], i) => {
    const found = name.startsWith(what) ? figureAt(i, state) : {value: NaN};
    return Number.isNaN(found.value) ? [] : [{of, unit, ...found}];
  });
}
