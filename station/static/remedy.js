/** From an alarm to the form that ends its cause, in one tap. */

import { h } from "./dom.js";
import { t } from "./words.js";

/** The form of a condition. */
const FORMS = { DOSE_UNCERTAIN: "settle", ORDER_MISSING: "order", OBSERVATION_OVERDUE: "observe" };
const TEXT = { settle: "act.settle", order: "act.order", observe: "act.round" };

/** @param {Record<string, any>} page @param {Record<string, any>} alarm */
export function remedy(page, edge, alarm) {
  const kind = FORMS[alarm.condition];
  if (!kind || !alarm.bed || page.moment.lost) return null;
  const state = { edge, bed: alarm.bed, channel: alarm.port ? `${alarm.port}.${alarm.channel}` : undefined };
  const more = { order: { typed: {}, step: "enter" }, observe: { found: {} } }[kind] ?? {};
  return h("button", { class: "form remedy", key: "remedy", on: { click: () => page.open(kind, { ...state, ...more }) } }, t(TEXT[kind]));
}
