/** A bed at a glance, from four metres: in trouble or not, the dose on its limits, the vital signs, and how old it all is. */

import { takeButton, outcomeOf, targetOf, takeable } from "./alarm-card.js";
import { drugName, lineOf, shortLineOf, SIGN } from "./alarm-text.js";
import { allWellButton, bedTarget, chokingButton } from "./actions.js";
import { countdown, span, timeOf } from "./clock.js";
import { h } from "./dom.js";
import { gauge } from "./gauge.js";
import { revision } from "./receipt.js";
import { spark } from "./spark.js";
import { stepButton, stepsAsked } from "./step.js";
import { cell, DOSE_ABOUT, figure, markOf, VITALS } from "./values.js";
import { alarmKey, bedKey, limitsOf, metric, orderOf } from "./ward.js";
import { t, unit } from "./words.js";

/** With more pumps than these their figures become no smaller. */
const PUMPS = 3;

/** @param {Record<string, any>} page */
export function tile(page, bed) {
  const { moment, ward } = page;
  const alarms = ward.alarmsOf(bed.edge, bed.bed);
  const live = moment.live(bed);
  const doubt = moment.doubt(bed);
  const therapy = moment.therapy(bed);
  const top = alarms[0]?.alarm;
  const state = top ? `${top.priority}${alarms.some((one) => one.alarm.signal !== "acknowledged") ? "" : " quiet"}` : "calm";
  const told = outcomes(page, bed, alarms);
  const fits = page.fit.of(bed, alarms, `${doubt} ${told ? told.kids.length : 0}`, bed.snapshot?.channels.length ?? 0);
  const label = bed.label ?? bed.bed;
  return h(
    "li",
    { class: "cell", key: bedKey(bed.edge, bed.bed) },
    h(
      "article",
      { class: `tile ${state}${doubt ? " doubt" : ""}${live ? "" : " stale"}`, "data-bed": bedKey(bed.edge, bed.bed), style: { "--name": label.length } },
      h("header", null,
        h("h2", null, h("a", { class: "open", href: `#/bed/${bed.edge}/${bed.bed}` }, label)),
        top ? h("span", { class: "sign", role: "img", "aria-label": t(`priority.${top.priority}`) }, SIGN[top.priority]) : null,
        alarms.length > fits.most ? h("span", { class: "more", role: "img", "aria-label": t("alarm.more", { count: alarms.length - fits.most }) }, `+${alarms.length - fits.most}`) : null),
      phase(page, bed, therapy),
      doubt ? h("p", { class: "unknown", role: "alert", key: "doubt" }, doubtText(moment, bed, doubt)) : null,
      alarms.length ? alarmLines(page, alarms.slice(0, fits.most), fits) : null,
      channels(bed, therapy, live, alarms, fits.pumps),
      vitals(page, bed, live, alarms),
      spark(page.trends, bed, therapy),
      told,
      foot(page, bed, live),
      acts(page, bed, therapy, alarms),
    ),
  );
}

/** Why the alarms of this bed are not known, and what to do. */
export function doubtText(moment, bed, doubt) {
  const since = bed.snapshot ? t("data.none_since", { time: timeOf(bed.snapshot.at) }) : t("data.none");
  return `${t(`doubt.${doubt}`)} ${moment.live(bed) ? "" : `${since} `}${t("doubt.go")}`;
}

/** Where the therapy is, and what is left of it. */
export function phase(page, bed, therapy) {
  const name = therapy?.phase || "none";
  const step = therapy?.step ? ` ${t("phase.step", { step: therapy.step })}` : "";
  const left = timeLeft(page, bed, therapy);
  return h("span", { class: "phase" }, h("b", null, t(`phase.${name}`) + step), left ? h("span", { class: "left" }, left) : null);
}

export function timeLeft(page, bed, therapy) {
  if (!therapy) return "";
  if (therapy.recovery_until_mono_s !== null && therapy.recovery_until_mono_s !== undefined) {
    return leftText(page.moment.until(bed.edge, therapy.recovery_until_mono_s));
  }
  const planned = therapy.orders.find((one) => one.planned_s !== null && one.planned_s !== undefined)?.planned_s;
  if (therapy.phase !== "infusing" || planned === undefined || !therapy.phase_since) return "";
  const gone = page.moment.ago(bed.edge, therapy.phase_since, therapy.run);
  return gone === null ? "" : leftText(planned - gone);
}

function leftText(left) {
  if (left === null) return "";
  return left >= 0 ? t("left", { span: span(left) }) : t("left.over", { span: span(-left) });
}

function alarmLines(page, shown, { clamp, short }) {
  return h(
    "ul",
    { class: `alarms${clamp ? " cut" : ""}`, key: "alarms", style: { "--clamp": clamp } },
    shown.map(({ edge, alarm }) =>
      h("li",
        { class: `${alarm.priority}${alarm.signal === "acknowledged" ? " quiet" : ""}`, key: alarm.key, "data-alarm": alarmKey(edge, alarm.bed, alarm.key), "data-rev": revision(alarm) },
        h("span", { class: "sign", "aria-hidden": "true" }, SIGN[alarm.priority]),
        h("span", { class: "line" }, short ? shortLineOf(alarm) : lineOf(page.ward, edge, alarm, { label: false })),
        h("span", { class: "since" }, since(page, edge, alarm)))),
  );
}

function since(page, edge, alarm) {
  const stands = page.moment.stands(edge, alarm);
  return stands === null ? timeOf(alarm.onset) : span(stands);
}

/** The pumps, as many as there is room for: those with an alarm first, then those that run. */
function channels(bed, therapy, live, alarms, most) {
  const all = bed.snapshot?.channels ?? [];
  if (!all.length) return h("p", { class: "nothing", key: "channels" }, t("pump.none"));
  const alarmed = (one) => alarms.some(({ alarm }) => alarm.port === one.port && alarm.channel === one.channel);
  const urgency = (one) => (alarmed(one) ? 0 : one.state === "infusing" ? 1 : 2);
  const shown = most < all.length ? [...all].sort((a, b) => urgency(a) - urgency(b)).slice(0, most) : all;
  return h("div", { class: `channels${all.length > 1 ? " several" : ""}`, key: "channels", style: { "--pumps": Math.min(PUMPS, all.length) } },
    shown.map((channel) => dosing(bed, therapy, channel, live, alarms)),
    most < all.length ? h("p", { class: "more", key: "more" }, t(all.length - most === 1 ? "pump.more.one" : "pump.more", { count: all.length - most })) : null);
}

/** A pump channel: drug, state, dose as a figure and as a needle. */
export function dosing(bed, therapy, channel, live, alarms) {
  // In the unit of the drug's entry, where that is another one.
  const rate = metric(channel.metrics, "dose_rate") ?? metric(channel.metrics, "dose_rate_mg_per_kg_per_h");
  const order = orderOf(therapy, channel);
  const limits = limitsOf(therapy, "DOSE_RATE_HIGH", channel);
  const number = (one, value) => one?.split(" ")[0] ?? value ?? null;
  const flowing = live && channel.link === "up";
  const mark = markOf(alarms.filter((one) => one.alarm.port === channel.port && one.alarm.channel === channel.channel), DOSE_ABOUT);
  const infusion = metric(channel.metrics, "infusion_rate_ml_per_h");
  const state = channel.link === "up" ? t(`state.${channel.state}`) : t("pump.no_contact");
  const known = rate && rate.value !== null;
  const shown = known ? figure(rate, { asDose: true }) : "--";
  const flow = infusion && infusion.value !== null ? `${figure(infusion)} ${unit("mL/h")}` : "";
  return h(
    "section",
    { class: `dose${flowing ? "" : " stale"}${mark ? ` ${mark}` : ""}`, key: `${channel.port}.${channel.channel}` },
    h("p", { class: "drug" }, h("b", null, drugName(channel.drug)), h("span", { class: "per" }, unit(rate?.unit ?? order?.dosing_unit ?? "mg/kg/h")), h("span", { class: `state ${channel.state}` }, state)),
    h("p", { class: "rate", style: { "--letters": Math.max(4, shown.length) } },
      h("span", { class: "number" }, shown),
      h("span", { class: "units" }, h("span", { class: "unit" }, unit(rate?.unit ?? order?.dosing_unit ?? "mg/kg/h")), flow ? h("span", { class: "flow" }, flow) : null)),
    gauge({
      value: known ? rate.value : null, step: number(order?.shown?.step, order?.step_mg_per_kg_per_h),
      soft: number(limits.soft?.shown || null, limits.soft?.value), hard: number(limits.hard?.shown || null, limits.hard?.value), live: flowing,
    }),
  );
}

function vitals(page, bed, live, alarms) {
  if (!monitored(page.ward, bed)) return h("p", { class: "vitals-none", key: "vitals" }, t("vitals.none"));
  return h("dl", { class: "vitals", key: "vitals" }, VITALS.map((what) => cell(page.moment, bed, what, alarms, { live })));
}

/** Whether a monitor belongs to the bed, or anything was ever measured there. */
export function monitored(ward, bed) {
  const roster = ward.edges.get(bed.edge)?.roster?.beds.find((one) => one.bed === bed.bed);
  return (bed.snapshot?.vital_signs.length ?? 0) > 0 || (roster?.bindings.some((one) => one.role === "monitor") ?? true);
}

/** What is due at a bed, and how soon. */
export function promptsOf(page, bed) {
  const therapy = page.moment.therapy(bed);
  return (therapy?.prompts ?? []).map((prompt) => {
    const left = page.moment.until(bed.edge, prompt.due_mono_s);
    const late = left !== null && left < 0;
    const key = `prompt.${prompt.kind}${left !== null && late ? ".late" : ""}`;
    return { ...prompt, left, late, text: t(key, { span: left === null ? "" : span(Math.abs(left)) }) };
  });
}

/** What takes one tap: the alarm, "all is well" where a round is due, and "choking" always, last and at the same place. */
function acts(page, bed, therapy, alarms) {
  const due = promptsOf(page, bed).some((one) => one.kind === "round" && one.late);
  const step = stepsAsked(page, bed, therapy)[0];
  const first = alarms.find((one) => takeable(one.alarm)) ?? alarms[0];
  return h("div", { class: "acts", key: "acts" },
    first ? takeButton(page, first.edge, first.alarm) : null,
    step ? stepButton(page, bed, therapy, step, { short: true }) : null,
    due ? allWellButton(page, bed, therapy) : null,
    chokingButton(page, bed, therapy));
}

/** What became of what was asked here. */
function outcomes(page, bed, alarms) {
  const told = [bedTarget(bed), ...alarms.map((one) => targetOf(one.edge, one.alarm))].map((target) => outcomeOf(page, target)).filter(Boolean);
  return told.length ? h("div", { class: "outcomes", key: "outcomes" }, told.map((one, n) => ({ ...one, key: `${n}` }))) : null;
}

function foot(page, bed, live) {
  const age = page.moment.snapshotAge(bed);
  const pauses = page.moment.pauses(bed);
  const prompts = promptsOf(page, bed).filter((one) => ["round", "confirm-order", "baseline", "syringe", "settle-dose"].includes(one.kind));
  return h(
    "footer",
    { key: "foot" },
    h("span", { class: "fresh" }, !bed.snapshot ? t("data.none") : live ? t("data.age", { span: span(age ?? 0) }) : t("data.none_since", { time: timeOf(bed.snapshot.at) })),
    pauses.map((one) => h("span", { class: "paused" }, `${t(`silence.${one.reason}`)} ${countdown(one.left)}`)),
    prompts.map((one) => h("span", { class: one.late ? "due late" : "due" }, one.text)),
    experimental(page.ward, bed) ? h("span", { class: "experimental" }, t("device.experimental")) : null,
  );
}

/** Whether a number of this bed comes from a driver that nothing independent proves. */
export function experimental(ward, bed) {
  const roster = ward.edges.get(bed.edge)?.roster;
  const ports = new Set(roster?.beds.find((one) => one.bed === bed.bed)?.bindings.map((one) => one.port));
  return roster?.devices.some((one) => one.experimental && ports.has(one.port)) ?? false;
}
