/** One page to print: who, what was ordered and given, how it went. */

import { drugName } from "./alarm-text.js";
import { timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { trends, block } from "./bed.js";
import { shift } from "./shift.js";
import { given, limitTable, orders, patientFacts, rounds } from "./therapy.js";
import { t } from "./words.js";

const WIDTH = 980;
/** What fits on one page beside everything else; the journal at the edge has all of it. */
const ROWS = 14;
const ORDERS_MAX = 2;
const ROUNDS_MAX = 12;

export function report(page, bed) {
  const therapy = page.moment.therapy(bed);
  const now = new Date();
  const more = (therapy?.orders.length ?? 0) - ORDERS_MAX;
  const short = therapy && { ...therapy, orders: therapy.orders.slice(0, ORDERS_MAX), rounds: therapy.rounds.slice(-ROUNDS_MAX) };
  return [
    h("header", { class: "report-head", key: "head" },
      h("h1", null, `${page.ward.hello?.config.label ?? ""} – ${bed.label ?? bed.bed}`),
      h("p", null, `${dayOf(now)} ${timeOfDay(now)} · ${[...new Set((therapy?.orders ?? []).map((one) => drugName(one.drug)))].join(", ")}`),
      h("div", { class: "actions" },
        h("button", { class: "go", on: { click: () => print() } }, t("report.print")),
        h("a", { class: "button", href: `#/bed/${bed.edge}/${bed.bed}` }, t("act.back"))),
      page.moment.doubt(bed) ? h("p", { class: "unknown" }, t("report.doubt")) : null),
    h("div", { class: "columns upper", key: "columns" },
      block("patient", t("block.patient"), patientFacts(page, therapy), given(bed)),
      block("order", t("block.order"), h("div", { class: "orders" }, orders(page, short)), more > 0 ? h("p", { class: "hint" }, t("report.more_orders", { count: more })) : null)),
    trends(page, bed, therapy, { width: WIDTH, choose: false, low: true }),
    h("div", { class: "columns lower", key: "more" },
      block("rounds", t("block.rounds"), rounds(page, short)),
      block("limits", t("block.limits"), limitTable(therapy, { origin: false }))),
    block("shift", t("block.shift"), shift(page, bed, { most: ROWS, short: true })),
    h("p", { class: "hint", key: "hint" }, t("app.caution")),
  ];
}

/** The day as this computer has it: a report at midnight is of the night that people had. */
const dayOf = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
