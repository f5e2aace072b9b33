/** Values as they are shown: the figure as it was sent, its doubt, its age, and whether an alarm is about it. */

import { span } from "./clock.js";
import { h } from "./dom.js";
import { dose, plain } from "./number.js";
import { metric } from "./ward.js";
import { local, t, told as said } from "./words.js";

const BEFORE = { over: ">", under: "<" };
/** A value of a monitor that speaks each second has its age shown when it is older than this. */
const AGE_SHOWN_S = 5;

/** The vital signs of a tile: what is shown, from which metrics, and which alarms are about it. */
export const VITALS = [
  { id: "hr", metrics: ["heart_rate_per_min"], instead: ["pulse_rate_per_min"], about: ["HR_HIGH", "HR_LOW", "HR_MISSING", "HR_SOURCES_DISAGREE"] },
  { id: "bp", metrics: ["nibp_sys_mmhg", "nibp_dia_mmhg"], about: ["BP_SYS_HIGH", "BP_SYS_LOW", "BP_DIA_HIGH", "BP_DIA_LOW", "BP_MEAN_HIGH", "BP_MEAN_LOW", "NIBP_OVERDUE"] },
  { id: "spo2", metrics: ["spo2_percent"], about: ["SPO2_LOW", "SPO2_MISSING"] },
  { id: "rr", metrics: ["respiratory_rate_per_min"], about: ["RR_HIGH", "RR_LOW", "RR_MISSING"] },
];
export const DOSE_ABOUT = ["DOSE_RATE_HIGH", "DOSE_RATE_LOW", "DOSE_STEP_HIGH", "DOSE_MASS_RATE_HIGH", "DOSE_INPUT_MISSING", "ORDER_EXCEEDED", "ORDER_MISMATCH", "ORDER_MISSING", "STEP_UNCONFIRMED"];

/** A figure as text: doubt stands beside it, and no value is never a number. */
export function figure(one, { asDose = false } = {}) {
  if (!one || one.value === null) return "--";
  const before = BEFORE[one.validity] ?? "";
  const doubt = before || one.validity === "valid" ? "" : "?";
  return before + local(asDose ? dose(one.value, one.unit) : plain(one.value)) + doubt;
}

/** How old a value is now, null if nobody knows. */
export function ageOf(moment, bed, one) {
  const since = moment.snapshotAge(bed);
  return !one || one.age_s === null || since === null ? null : one.age_s + since;
}

/** One vital sign with all that belongs to it. */
export function vital(moment, bed, what, { live, always = false } = {}) {
  const list = bed.snapshot?.vital_signs;
  let found = what.metrics.map((name) => metric(list, name));
  let id = what.id;
  if (what.instead && found.every((one) => !one || one.value === null)) {
    const instead = what.instead.map((name) => metric(list, name));
    if (instead.some((one) => one && one.value !== null)) {
      found = instead;
      id = "pulse";
    }
  }
  const first = found.find(Boolean) ?? null;
  const age = ageOf(moment, bed, first);
  const has = found.some((one) => one && one.value !== null);
  const old = has && age !== null && (always || what.id === "bp" || age >= AGE_SHOWN_S);
  const note = !has && first?.note ? first.note : "";
  return {
    id, has, note, text: found.map((one) => figure(one)).join("/"), age: old ? t("age", { span: span(age) }) : "",
    mean: what.id === "bp" ? figure(metric(list, "nibp_mean_mmhg")) : null, stale: !live,
  };
}

/** The mark of the worst alarm about a value: its priority, or nothing. */
export function markOf(alarms, about) {
  return alarms.find((one) => about.includes(one.alarm.condition))?.alarm.priority ?? "";
}

/** A vital sign as a cell of a tile or of the bed's page. */
export function cell(moment, bed, what, alarms, options) {
  const told = vital(moment, bed, what, options);
  const mark = markOf(alarms, what.about);
  return h(
    "div",
    { class: `vital ${told.id}${told.stale ? " stale" : ""}${mark ? ` ${mark}` : ""}`, key: what.id },
    h("dt", null, t(`vital.${told.id}`), h("span", { class: "unit" }, t(`vital.${told.id}.unit`)),
      h("span", { class: "age" }, told.age || (told.has ? "" : said(told.note)))),
    h("dd", null, h("span", { class: "number" }, told.text)),
  );
}
