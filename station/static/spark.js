/** The last hour of a bed in three small lanes: dose, heart rate, oxygen. Nothing is drawn where nothing was measured. */

import { h } from "./dom.js";
import { KEPT_S, STEP_S } from "./trends.js";
import { lang, t } from "./words.js";

const LANES = [
  { name: "dose_rate_mg_per_kg_per_h", least: 0, span: 1 },
  { name: "heart_rate_per_min", least: null, span: 40 },
  { name: "spo2_percent", least: null, span: 12, most: 100 },
];
const WIDTH = 360;
const HEIGHT = 22;
const GAP = 6;

const kept = new WeakMap();

export function spark(trends, bed) {
  const held = trends.of(bed);
  if (!held) return null;
  const known = kept.get(held);
  if (known?.version === held.version && known.language === lang()) return known.drawn;
  const drawn = draw(held);
  kept.set(held, { version: held.version, language: lang(), drawn });
  return drawn;
}

function draw(held) {
  const first = held.last - KEPT_S / STEP_S;
  const height = LANES.length * (HEIGHT + GAP);
  return h(
    "figure",
    { class: "spark", key: "spark" },
    h("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": t("trend.hour") },
      LANES.map((lane, n) => {
        const top = n * (HEIGHT + GAP) + GAP / 2;
        return [
          h("rect", { class: "lane", x: 0, y: top, width: WIDTH, height: HEIGHT }),
          h("path", { class: `line ${lane.name.split("_")[0]}`, d: path(held.lines.get(lane.name), lane, first, top), "vector-effect": "non-scaling-stroke" }),
        ];
      })),
    h("figcaption", null, LANES.map((lane) => h("span", null, t(`trend.${lane.name.split("_")[0]}`)))),
  );
}

/** A line through the middle of each ten seconds; a gap where there is nothing. */
function path(line, lane, first, top) {
  const points = [...line].filter(([n]) => n >= first).sort((a, b) => a[0] - b[0]);
  if (!points.length) return "";
  let low = lane.least ?? Math.min(...points.map(([, [least]]) => least));
  let high = lane.most ?? Math.max(...points.map(([, [, most]]) => most));
  if (high - low < lane.span) {
    if (lane.most !== undefined) low = high - lane.span;
    else if (lane.least !== null) high = low + lane.span;
    else [low, high] = [(low + high - lane.span) / 2, (low + high + lane.span) / 2];
  }
  const y = (value) => (top + HEIGHT - 1 - ((value - low) / (high - low)) * (HEIGHT - 2)).toFixed(1);
  let before = -Infinity;
  let text = "";
  for (const [n, [least, most]] of points) {
    const x = n - first;
    text += n - before > 3 ? `M${x} ${y(least)}` : `L${x} ${y(least)}`;
    if (least !== most) text += `V${y(most)}`;
    before = n;
  }
  return text;
}
