/** One bed, whole: what is so, why, what was, what holds, and what can be done. */

import { outcomeOf } from "./alarm-card.js";
import { SIGN } from "./alarm-text.js";
import { chart, CHART_NAMES } from "./chart.js";
import { h } from "./dom.js";
import { alarmList } from "./overview.js";
import { report } from "./report.js";
import { technician } from "./service.js";
import { shift, Shift } from "./shift.js";
import { devices, given, limitTable, orders, patientFacts, rounds } from "./therapy.js";
import { dosing, doubtText, monitored, phase, promptsOf } from "./tile.js";
import { actions, awaiting, syringes } from "./actions.js";
import { adjustable } from "./limits.js";
import { linesOff } from "./pump-forms.js";
import { steps } from "./step.js";
import { Trends } from "./trends.js";
import { cell, VITALS } from "./values.js";
import { bedKey } from "./ward.js";
import { why } from "./why.js";
import { t } from "./words.js";
import { timeOf, span } from "./clock.js";
import { countdown } from "./clock.js";

const SPANS_S = [3600, 4 * 3600, 12 * 3600];

/** What this page holds of the bed that is open: its trends and its history. Gone with it. */
export class Opened {
  constructor(page, key) {
    this.page = page;
    this.key = key;
    this.shift = new Shift(page);
    this.choose(SPANS_S[0]);
  }

  choose(spanS) {
    this.spanS = spanS;
    this.trends = new Trends(this.page.past, () => this.page.changed(), { names: CHART_NAMES, keptS: spanS });
    const bed = this.page.ward.beds.get(this.key);
    if (bed) this.take(bed);
  }

  take(bed) {
    this.trends.take(bed);
    this.shift.take(bed);
  }
}

export function bedPage(page) {
  const { route, ward } = page;
  const bed = ward.beds.get(bedKey(route.edge, route.bed));
  const body = bed ? (route.view === "report" ? report(page, bed) : whole(page, bed)) : h("p", { class: "empty" }, t(ward.ready ? "bed.unknown" : "ward.waiting"));
  return h("main", { class: `ward bed-page ${route.view}`, key: "bed", id: "main" }, h("div", { class: "bed-body", key: `body-${route.view}` }, strip(page), body), alarmList(page));
}

/** All beds in one row, so that this screen goes on showing them. */
function strip(page) {
  return h("nav", { class: "strip", "aria-label": t("nav.ward"), key: "strip" }, page.ward.inOrder().map((bed) => {
    const alarms = page.ward.alarmsOf(bed.edge, bed.bed);
    const top = alarms[0]?.alarm;
    const state = page.moment.doubt(bed) ? "doubt" : top ? `${top.priority}${top.signal === "acknowledged" ? " quiet" : ""}` : "calm";
    return h("a", { href: `#/bed/${bed.edge}/${bed.bed}`, class: `chip ${state}`, key: bedKey(bed.edge, bed.bed), "data-bed": bedKey(bed.edge, bed.bed), "aria-current": page.route.bed === bed.bed && page.route.edge === bed.edge ? "page" : null },
      bed.label ?? bed.bed, top ? h("span", { class: "sign" }, SIGN[top.priority]) : page.moment.doubt(bed) ? " ?" : null);
  }));
}

function whole(page, bed) {
  const { moment, ward } = page;
  const alarms = ward.alarmsOf(bed.edge, bed.bed);
  const live = moment.live(bed);
  const therapy = moment.therapy(bed);
  const doubt = moment.doubt(bed);
  const pauses = moment.pauses(bed);
  return [
    h("header", { class: `bed-head${live ? "" : " stale"}`, key: "head" },
      h("h1", null, bed.label ?? bed.bed), phase(page, bed, therapy),
      therapy?.patient ? h("span", { class: "case" }, therapy.patient.case) : null,
      h("span", { class: "fresh" }, !bed.snapshot ? t("data.none") : live ? t("data.age", { span: span(moment.snapshotAge(bed) ?? 0) }) : t("data.none_since", { time: timeOf(bed.snapshot.at) })),
      pauses.map((one) => h("span", { class: "paused" }, `${t(`silence.${one.reason}`)} ${countdown(one.left)}`)),
      linesOff(page, bed, therapy).map((one) => h("span", { class: "paused" }, t("line.off", { left: countdown(one.left) }))),
      promptsOf(page, bed).map((one) => prompt(page, bed, one))),
    doubt ? h("p", { class: "unknown", role: "alert", key: "doubt" }, doubtText(moment, bed, doubt)) : null,
    actions(page, bed, therapy),
    syringes(page, bed, therapy),
    steps(page, bed, therapy),
    awaiting(page, bed, therapy),
    outcomeOf(page, `bed/${bed.edge}/${bed.bed}`),
    h("section", { class: "now-large", key: "now" },
      h("div", { class: "channels" }, (bed.snapshot?.channels ?? []).map((channel) => dosing(bed, therapy, channel, live, alarms))),
      monitored(ward, bed) ? h("dl", { class: "vitals" }, VITALS.map((what) => cell(moment, bed, what, alarms, { live, always: true }))) : h("p", { class: "nothing" }, t("vitals.none"))),
    alarms.length ? h("section", { class: "reasons", "aria-label": t("why.title"), key: "why" }, alarms.map((one) => why(page, one.edge, one.alarm))) : null,
    trends(page, bed, therapy),
    h("div", { class: "columns", key: "columns" },
      block("order", t("block.order"), orders(page, therapy), given(bed),
        h("div", { class: "actions", key: "forms" }, form(page, bed, "settle", therapy?.patient && therapy.orders.length), form(page, bed, "connect", therapy?.patient), form(page, bed, "flush", therapy?.patient))),
      block("limits", t("block.limits"), limitTable(therapy), form(page, bed, "limits", therapy?.patient && adjustable(therapy).length)),
      block("patient", t("block.patient"), patientFacts(page, therapy), form(page, bed, "patient", true)),
      block("rounds", t("block.rounds"), rounds(page, therapy)),
      block("devices", t("block.devices"), devices(page, bed), form(page, bed, "role", true), technician(page, bed)),
      block("shift", t("block.shift"), shift(page, bed))),
  ].filter(Boolean);
}

/** What is due, as a button where one form is the answer. */
function prompt(page, bed, one) {
  const props = { class: one.late ? "due late" : "due", key: `prompt-${one.kind}` };
  const opens = { baseline: ["baseline", {}], round: ["observe", { found: {} }], "settle-dose": ["settle", { channel: `${one.port}.${one.channel}` }] }[one.kind];
  if (!opens || page.moment.lost) return h("span", props, one.text);
  return h("button", { ...props, on: { click: () => page.open(opens[0], { edge: bed.edge, bed: bed.bed, ...opens[1] }) } }, one.text);
}

/** The button of a form, under what it changes. */
const form = (page, bed, kind, possible) =>
  possible && !page.moment.lost ? h("button", { class: "form", key: `form-${kind}`, on: { click: () => page.open(kind, { edge: bed.edge, bed: bed.bed }) } }, t(`act.${kind}`)) : null;

export const block = (key, title, ...kids) => h("section", { class: `block ${key}`, key }, h("h2", null, title), kids);

/** The trends, drawn as wide as there is room. */
export function trends(page, bed, therapy, { spanS = page.opened.spanS, width = null, choose = true, low = false } = {}) {
  const { opened, moment } = page;
  const held = opened.trends.of(bed);
  const nowMono = moment.edgeMono(bed.edge) ?? (bed.snapshot?.at.mono_s || 0);
  const wide = width ?? Math.max(320, (document.querySelector(".bed-body")?.clientWidth ?? 1000) - 28);
  return h("section", { class: "trends block", key: "trends" },
    h("header", null, h("h2", null, t("chart.title")),
      choose ? h("div", { class: "choice", role: "group", "aria-label": t("chart.span") }, SPANS_S.map((one) =>
        h("button", { "aria-pressed": String(one === spanS), on: { click: () => (opened.choose(one), page.changed()) } }, t("chart.hours", { hours: one / 3600 })))) : null),
    chart({ held, bed, therapy, width: wide, spanS, nowMono, low, marks: opened.shift.marks(page, bed, therapy) }),
    h("p", { class: "hint legend" }, t("chart.legend")));
}
