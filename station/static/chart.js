/** Dose and vital signs on one time axis, with limits, steps and boli, and what happened: alarms, rounds, acts. */

import { drugName } from "./alarm-text.js";
import { timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { converted, places, plain } from "./number.js";
import { DOSE, dosedAt, keyOf, STEP_S } from "./trends.js";
import { limitsOf, orderOf } from "./ward.js";
import { local, t, unit } from "./words.js";

export const LANES = [
  { id: "dose", names: [DOSE], unit: "mg/kg/h", high: "DOSE_RATE_HIGH", low: "DOSE_RATE_LOW", least: 0, span: 1, height: 150 },
  { id: "hr", names: ["heart_rate_per_min"], unit: "/min", high: "HR_HIGH", low: "HR_LOW", span: 40, height: 110 },
  { id: "bp", names: ["nibp_sys_mmhg", "nibp_dia_mmhg"], unit: "mm[Hg]", high: "BP_SYS_HIGH", low: "BP_SYS_LOW", span: 60, height: 110, dots: true },
  { id: "spo2", names: ["spo2_percent"], unit: "%", low: "SPO2_LOW", most: 100, span: 12, height: 90 },
  { id: "rr", names: ["respiratory_rate_per_min"], unit: "/min", high: "RR_HIGH", low: "RR_LOW", span: 16, height: 80 },
];
export const CHART_NAMES = LANES.flatMap((lane) => lane.names);
const LEFT = 92;
const RIGHT = 14;
const TOP = 22;
const FOOT = 44;
const GAP = 16;
/** So much of their height lanes have on paper. */
const LOW = 0.46;
/** A hard limit is in the picture if it is nearer than this part of the least span. */
const NEAR = 0.6;
const TICKS_S = [300, 600, 900, 1800, 3600, 7200];

/** Two drugs have a lane each, so much higher together than one; on paper no higher. */
const TOGETHER = 1.3;

/**
 * @param {{held: any, bed: any, therapy: any, width: number, spanS: number, nowMono: number, low?: boolean, marks: Array<{mono: number, kind: string, priority?: string, text: string, value?: string, place?: string}>}} told
 */
export function chart({ held, bed, therapy, width, spanS, nowMono, marks, low = false }) {
  const from = nowMono - spanS;
  const inner = Math.max(200, width - LEFT - RIGHT);
  const x = (mono) => LEFT + ((mono - from) / spanS) * inner;
  const shown = marks.filter((one) => one.mono >= from);
  const lanes = [];
  const doses = [];
  let top = TOP;
  for (const lane of LANES.flatMap((one) => (one.id === "dose" ? doseLanes(one, held, bed, therapy, low) : one))) {
    const height = low ? lane.height * LOW : lane.height;
    lanes.push(drawLane({ ...lane, height }, held, { top, x, from, right: LEFT + inner, limits: limitsIn(lane, therapy) }));
    if (lane.id === "dose") doses.push({ ...lane, top, height });
    top += height + (low ? GAP * LOW : GAP);
  }
  const height = top + FOOT;
  return h(
    "svg",
    { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("chart.title") },
    ticks(from, nowMono, spanS, x, top),
    lanes,
    given(shown, x, doses),
    happened(shown, x, top),
  );
}

/** How many of a dosing unit one mg/kg/h is: over, under. */
const OF_MG = {
  "mg/kg/h": [1n, 1n], "mg/kg/min": [1n, 60n], "ug/kg/h": [1000n, 1n], "ug/kg/min": [1000n, 60n], "ng/kg/h": [1000000n, 1n], "ng/kg/min": [1000000n, 60n],
};

/** A lane for each pump channel that has a dose, each in the unit of its own drug and with its own limits (H-05). */
function doseLanes(lane, held, bed, therapy, low) {
  const channels = bed?.snapshot?.channels ?? [];
  const known = dosedAt(held);
  const here = channels.filter((one) => orderOf(therapy, one) || known.includes(`${one.port}.${one.channel}`));
  const gone = known.filter((place) => !channels.some((one) => `${one.port}.${one.channel}` === place)).map((place) => ({ place }));
  const all = [...here.map((channel) => ({ place: `${channel.port}.${channel.channel}`, channel })), ...gone];
  if (!all.length) return [{ ...lane, of: OF_MG["mg/kg/h"], place: "" }];
  const height = all.length > 1 ? (lane.height * (low ? 1 : TOGETHER)) / all.length : lane.height;
  return all.map(({ place, channel }) => {
    const order = channel && orderOf(therapy, channel);
    const of = order?.dosing_unit || channel?.dosing_unit;
    const unit = OF_MG[of] ? of : lane.unit;
    const soft = unit === lane.unit ? null : limitsOf(therapy, lane.high, channel).soft;
    const [over, under] = OF_MG[unit];
    const span = soft ? (Number(soft.value) * Number(over)) / Number(under) : lane.span;
    const name = all.length > 1 ? `${drugName(order?.drug || channel?.drug)} (${place})` : "";
    return { ...lane, unit, span, height, of: OF_MG[unit], place, channel, drug: order?.drug || channel?.drug, name };
  });
}

/** The limits that belong into a lane, in its unit. */
function limitsIn(lane, therapy) {
  const found = [lane.high, lane.low].filter(Boolean).flatMap((name) => Object.values(limitsOf(therapy, name, lane.channel ?? null))).filter((one) => one.band !== "bypass");
  if (!lane.of || lane.unit === "mg/kg/h") return found;
  return found.map((one) => ({ ...one, value: one.shown?.split(" ")[0] || inUnit(one.value, lane) }));
}

/** A dose of mg/kg/h as people read it in the unit of a lane. */
function inUnit(value, lane) {
  const exactly = converted(value, lane.of, 9);
  return plain(converted(value, lane.of, places(exactly, lane.unit)));
}

function drawLane(lane, held, { top, x, from, right, limits }) {
  const times = lane.of ? Number(lane.of[0]) / Number(lane.of[1]) : 1;
  const lines = lane.names.map((name) => points(held, keyOf(name, lane.place), from).map(([mono, ...values]) => [mono, ...values.map((one) => one * times)]));
  const values = lines.flat().flatMap(([, low, high]) => [low, high]);
  const [low, high] = scale(lane, values, limits);
  const y = (value) => top + lane.height - ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * lane.height;
  return h(
    "g",
    { class: `lane ${lane.id}`, key: `${lane.id}${lane.place ?? ""}`, "data-place": lane.place ?? null },
    h("rect", { class: "ground", x: LEFT, y: top, width: right - LEFT, height: lane.height }),
    h("text", { class: "name", x: 4, y: top + 18 }, t(`chart.${lane.id}`)),
    h("text", { class: "small", x: 4, y: top + 36 }, unit(lane.unit)),
    lane.name ? h("text", { class: "small drug", x: LEFT + 6, y: top + 14 }, lane.name) : null,
    limits.filter((one) => Number(one.value) >= low && Number(one.value) <= high).map((one) => [
      h("line", { class: `limit ${one.band}`, x1: LEFT, x2: right, y1: y(Number(one.value)), y2: y(Number(one.value)) }),
      h("text", { class: "small", x: LEFT - 6, y: y(Number(one.value)) + 5, "text-anchor": "end" }, local(plain(one.value))),
    ]),
    lane.dots ? bars(lines, x, y) : lines.map((line) => h("path", { class: "line", d: path(line, x, y) })),
  );
}

/** The scale has all that was measured and the soft limits, and a hard one that is near. */
function scale(lane, values, limits) {
  const told = [...values, ...limits.filter((one) => one.band === "soft").map((one) => Number(one.value))];
  let low = told.length ? Math.min(...told) : (lane.least ?? (lane.most ?? 100) - lane.span);
  let high = told.length ? Math.max(...told) : low + lane.span;
  for (const value of limits.map((one) => Number(one.value))) {
    if (value > high && value - high < lane.span * NEAR) high = value;
    if (value < low && low - value < lane.span * NEAR) low = value;
  }
  low = lane.least ?? low;
  high = lane.most ?? high;
  const room = Math.max(0, lane.span - (high - low));
  if (lane.least !== undefined) high += room;
  else if (lane.most !== undefined) low -= room;
  else [low, high] = [low - room / 2, high + room / 2];
  const edge = (high - low) * 0.06;
  return [lane.least ?? low - edge, high + edge];
}

function points(held, name, from) {
  const line = held?.lines.get(name);
  if (!line) return [];
  return [...line].map(([n, [low, high]]) => [n * STEP_S, low, high]).filter(([mono]) => mono >= from).sort((a, b) => a[0] - b[0]);
}

/** A line through what was measured; nothing is drawn across a gap. */
function path(line, x, y) {
  let text = "";
  let before = -Infinity;
  for (const [mono, low, high] of line) {
    const at = x(mono).toFixed(1);
    text += `${mono - before > 3 * STEP_S ? "M" : "L"}${at} ${y(low).toFixed(1)}`;
    if (low !== high) text += `V${y(high).toFixed(1)}`;
    before = mono;
  }
  return text;
}

/** Cuff pressures are single measurements: a bar from one to the other, and no line between. */
function bars([sys, dia], x, y) {
  const lower = new Map(dia.map(([mono, low]) => [mono, low]));
  return sys.map(([mono, , high]) => {
    const at = x(mono).toFixed(1);
    const low = lower.get(mono);
    return [
      h("path", { class: "cuff", d: `M${at} ${y(high).toFixed(1)}${low === undefined ? "h0.1" : `V${y(low).toFixed(1)}`}` }),
    ];
  });
}

function ticks(from, nowMono, spanS, x, bottom) {
  const every = TICKS_S.find((one) => spanS / one <= 8) ?? 7200;
  const wallNow = Date.now() / 1000;
  const first = Math.ceil((wallNow - spanS) / every) * every;
  const found = [];
  for (let wall = first; wall <= wallNow; wall += every) {
    const mono = nowMono - (wallNow - wall);
    if (mono < from) continue;
    found.push(
      h("line", { class: "tick", x1: x(mono), x2: x(mono), y1: 18, y2: bottom }),
      h("text", { class: "small", x: x(mono), y: 13, "text-anchor": "middle" }, timeOfDay(new Date(wall * 1000))),
    );
  }
  return h("g", { class: "ticks", key: "ticks" }, found);
}

/**
 * In the lane of the dose: a line where a step was taken, with the step in the unit of that lane, and an arrow for each
 * bolus. What does not say of which channel it is stands in each lane, without a number where there are several.
 */
function given(marks, x, lanes) {
  const drawn = marks.filter((one) => one.kind === "step" || one.kind === "bolus").flatMap((mark) => {
    const at = x(mark.mono).toFixed(1);
    const mine = lanes.filter((lane) => lane.place === mark.place || (!mark.place && mark.drug && lane.drug === mark.drug));
    return (mine.length ? mine : lanes).map((lane) =>
      h("g", { class: mark.kind, transform: `translate(${at} ${lane.top})` },
        h("title", null, mark.text),
        mark.kind === "step"
          ? [h("path", { class: "line", d: `M0 0V${lane.height}` }), mine.length || lanes.length === 1 ? h("text", { class: "small", x: 4, y: lane.height - 6 }, local(inUnit(mark.value, lane))) : null]
          : h("path", { class: "arrow", d: "M-7 2H7L0 15Z" })));
  });
  return h("g", { class: "given", key: "given" }, drawn);
}

const SHAPES = { high: "M-6 0L0 -11L6 0Z", medium: "M-6 -5L0 -11L6 -5L0 1Z", low: "M-5 -10H5V0H-5Z" };

/** How far under the lanes what happened stands. */
const ROWS = { alarm: 18, round: 34, act: 34 };

/** Under the lanes: a triangle, a lozenge or a square for an alarm, a circle for a round, a bar for what was asked. */
function happened(marks, x, bottom) {
  return h(
    "g",
    { class: "happened", key: "happened" },
    marks.filter((one) => ROWS[one.kind]).map((mark) => {
      const at = x(mark.mono);
      const shape = mark.kind === "alarm" ? h("path", { class: `mark ${mark.priority}`, d: SHAPES[mark.priority] ?? SHAPES.low })
        : mark.kind === "round" ? h("circle", { class: "mark round", cx: 0, cy: -5, r: 5 })
          : h("path", { class: "mark act", d: "M-1.5 -11h3v12h-3Z" });
      const row = ROWS[mark.kind];
      return [
        mark.kind === "alarm" ? h("line", { class: `at ${mark.priority}`, x1: at, x2: at, y1: 18, y2: bottom }) : null,
        h("g", { transform: `translate(${at.toFixed(1)} ${bottom + row})` }, h("title", null, mark.text), shape),
      ];
    }),
    h("text", { class: "small", x: 4, y: bottom + 18 }, t("chart.alarms")),
    h("text", { class: "small", x: 4, y: bottom + 34 }, t("chart.rounds")),
  );
}
