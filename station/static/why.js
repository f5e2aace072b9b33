/** Why an alarm stands: its arithmetic, its limit and where that comes from, and how it came here. */

import { lineOf, personOf, SIGN, actionOf, wordsBeside } from "./alarm-text.js";
import { notesOf, outcomeOf, takeButton, targetOf } from "./alarm-card.js";
import { span, timeOf } from "./clock.js";
import { h } from "./dom.js";
import { plain } from "./number.js";
import { remedy } from "./remedy.js";
import { alarmKey } from "./ward.js";
import { has, local, t, told, unit } from "./words.js";

/** What is said better beside it. */
const SAID = new Set(["arithmetic", "limit", "limit_origin"]);

export function why(page, edge, alarm) {
  const { moment } = page;
  const stands = moment.stands(edge, alarm);
  const { arithmetic } = alarm.evidence;
  return h(
    "article",
    { class: `why ${alarm.priority}${alarm.signal === "acknowledged" ? " quiet" : ""}`, key: alarmKey(edge, alarm.bed, alarm.key) },
    h("header", null,
      h("span", { class: "sign", role: "img", "aria-label": t(`priority.${alarm.priority}`) }, SIGN[alarm.priority]),
      h("h2", null, lineOf(page.ward, edge, alarm, { label: false })),
      takeButton(page, edge, alarm)),
    outcomeOf(page, targetOf(edge, alarm)),
    wordsBeside(alarm) ? h("p", { class: "words", lang: "en" }, local(alarm.text)) : null,
    arithmetic ? h("p", { class: "arithmetic" }, told(arithmetic).replaceAll("*", "×").replaceAll(" - ", " − ")) : null,
    trend(alarm.evidence.trend),
    h("p", { class: "action" }, actionOf(alarm)),
    remedy(page, edge, alarm),
    alarm.now ? h("p", { class: "now" }, t("alarm.now", { text: lineOf(page.ward, edge, alarm, { label: false, said: alarm.now }) })) : null,
    h("dl", { class: "facts" },
      fact(t("why.since"), `${timeOf(alarm.onset, { seconds: true })}${stands === null ? "" : `, ${t("since.span", { span: span(stands) })}`}`),
      alarm.event_at ? fact(t("why.event"), timeOf(alarm.event_at, { seconds: true })) : null,
      alarm.limit ? fact(t("why.limit"), `${local(plain(alarm.limit.value))} ${unit(alarm.unit)} (${told(alarm.limit.origin)})`) : null,
      alarm.delivery?.displayed ? fact(t("why.shown"), `${timeOf(alarm.delivery.displayed, { seconds: true })}, ${alarm.delivery.displayed_by}`) : null,
      alarm.acceptance ? fact(t("why.taken"), `${timeOf(alarm.acceptance.at, { seconds: true })}, ${personOf(page.ward, alarm.acceptance.by)}`) : null,
      Object.entries(alarm.evidence).filter(([name]) => !SAID.has(name)).map(([name, value]) => fact(has(`evidence.${name}`) ? t(`evidence.${name}`) : name.replaceAll("_", " "), told(value))),
      fact(t("why.name"), alarm.key)),
    h("ul", { class: "notes" }, notesOf(page, edge, alarm).map((text) => h("li", null, text))),
  );
}

/** "0 s: 80 /min; 30 s: 84 /min": what rises, as a line with its first and last value. */
function trend(text) {
  const points = [...(text ?? "").matchAll(/([\d.]+) s: ([\d.]+) /g)].map(([, at, value]) => [Number(at), Number(value), value]);
  if (points.length < 2) return null;
  const [times, values] = [points.map(([at]) => at), points.map(([, value]) => value)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (at) => 4 + (232 * (at - times[0])) / (times.at(-1) - times[0] || 1);
  const y = (value) => 40 - (36 * (value - low)) / (high - low || 1);
  return h("svg", { class: "climb", viewBox: "0 0 300 44", width: 300, height: 44, role: "img", "aria-label": local(text), key: "trend" },
    h("polyline", { points: points.map(([at, value]) => `${x(at)},${y(value)}`).join(" "), fill: "none", stroke: "currentColor", "stroke-width": 2 }),
    h("text", { x: 246, y: 27, fill: "currentColor" }, local(`${points[0][2]} → ${points.at(-1)[2]}`)));
}

export const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
