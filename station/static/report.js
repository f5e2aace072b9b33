/** One page to print: who, what was ordered and given, how it went. */

import { drugName } from "./alarm-text.js";
import { timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { trends, block } from "./bed.js";
import { shift } from "./shift.js";
import { given, limitTable, orders, patientFacts, rounds } from "./therapy.js";
import { t } from "./words.js";

const WIDTH = 980;
const ROWS = 24;

export function report(page, bed) {
  const therapy = page.moment.therapy(bed);
  const now = new Date();
  return [
    h("header", { class: "report-head", key: "head" },
      h("h1", null, `${page.ward.hello?.config.label ?? ""} – ${bed.label ?? bed.bed}`),
      h("p", null, `${now.toISOString().slice(0, 10)} ${timeOfDay(now)} · ${(therapy?.orders ?? []).map((one) => drugName(one.drug)).join(", ")}`),
      h("div", { class: "actions" },
        h("button", { class: "go", on: { click: () => print() } }, t("report.print")),
        h("a", { class: "button", href: `#/bed/${bed.edge}/${bed.bed}` }, t("act.back"))),
      page.moment.doubt(bed) ? h("p", { class: "unknown" }, t("report.doubt")) : null),
    h("div", { class: "columns", key: "columns" },
      block("patient", t("block.patient"), patientFacts(page, therapy)),
      block("order", t("block.order"), orders(page, therapy), given(bed))),
    trends(page, bed, therapy, { width: WIDTH, choose: false }),
    h("div", { class: "columns", key: "more" },
      block("rounds", t("block.rounds"), rounds(page, therapy)),
      block("limits", t("block.limits"), limitTable(therapy)),
      block("shift", t("block.shift"), shift(page, bed, { most: ROWS }))),
    h("p", { class: "hint", key: "hint" }, t("app.caution")),
  ];
}
