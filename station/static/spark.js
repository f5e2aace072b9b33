/**
 * The last hour of a bed in small lanes: the dose of each pump channel, heart rate, oxygen. Nothing is drawn where nothing
 * was measured.
 */

import { drugName } from "./alarm-text.js";
import { h } from "./dom.js";
import { DOSE, dosedAt, keyOf, KEPT_S, STEP_S } from "./trends.js";
import { limitsOf, orderOf } from "./ward.js";
import { lang, t } from "./words.js";

const LANES = [
  { name: DOSE, least: 0, span: 1 },
  { name: "heart_rate_per_min", least: null, span: 40 },
  { name: "spo2_percent", least: null, span: 12, most: 100 },
];
const WIDTH = 360;
const HEIGHT = 22;
const GAP = 6;

const kept = new WeakMap();

export function spark(trends, bed, therapy) {
  const held = trends.of(bed);
  if (!held) return null;
  const known = kept.get(held);
  if (known?.version === held.version && known.language === lang()) return known.drawn;
  const drawn = draw(held, bed, therapy);
  kept.set(held, { version: held.version, language: lang(), drawn });
  return drawn;
}

function draw(held, bed, therapy) {
  const lanes = LANES.flatMap((lane) => (lane.name === DOSE ? doses(lane, held, bed, therapy) : lane));
  const first = held.last - KEPT_S / STEP_S;
  const height = lanes.length * (HEIGHT + GAP);
  return h(
    "figure",
    { class: "spark", key: "spark" },
    h("div", { class: "drawing" },
      h("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": t("trend.hour") },
      lanes.map((lane, n) => {
        const top = n * (HEIGHT + GAP) + GAP / 2;
        return [
          h("rect", { class: "lane", x: 0, y: top, width: WIDTH, height: HEIGHT }),
          h("path", { class: `line ${lane.name.split("_")[0]}`, d: path(held.lines.get(keyOf(lane.name, lane.place)), lane, first, top), "vector-effect": "non-scaling-stroke" }),
        ];
      })),
      h("figcaption", null, lanes.map((lane) => h("span", null, lane.title ?? t(`trend.${lane.name.split("_")[0]}`))))),
  );
}

/** A lane for each pump channel that gave something, on a scale of its own: two drugs are no one line (H-05). */
function doses(lane, held, bed, therapy) {
  const places = dosedAt(held);
  if (places.length < 2) return [{ ...lane, place: places[0] ?? "", span: spanOf(lane, bed, therapy, places[0]) }];
  return places.map((place) => {
    const channel = channelAt(bed, place);
    return { ...lane, place, span: spanOf(lane, bed, therapy, place), title: drugName((channel && orderOf(therapy, channel)?.drug) || channel?.drug) };
  });
}

const channelAt = (bed, place) => bed.snapshot?.channels.find((one) => `${one.port}.${one.channel}` === place);

/** A drug of micrograms would be a flat line on the scale of one of milligrams. */
function spanOf(lane, bed, therapy, place) {
  const channel = channelAt(bed, place);
  const of = channel && (orderOf(therapy, channel)?.dosing_unit || channel.dosing_unit);
  const soft = of && of !== "mg/kg/h" ? limitsOf(therapy, "DOSE_RATE_HIGH", channel).soft : null;
  return soft ? Number(soft.value) : lane.span;
}

/** A line through the middle of each ten seconds; a gap where there is nothing. */
function path(line, lane, first, top) {
  const points = [...(line ?? [])].filter(([n]) => n >= first).sort((a, b) => a[0] - b[0]);
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
