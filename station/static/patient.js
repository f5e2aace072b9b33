/** The patient without an order: started by a nurse before a prescriber orders, and a checklist that is corrected. */

import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, foot, sendForm } from "./form.js";
import { plain, typed } from "./number.js";
import { choice } from "./panel.js";
import { fact } from "./why.js";
import { local, t, unit } from "./words.js";

export const CASE = /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/;
const CHECKS = ["heart_disease", "cyp3a4_inhibitor", "cyp2b6_inhibitor", "opioids", "sedatives", "dependence", "age_65_or_over"];
const ANSWERS = ["no", "yes", "unknown"];
const TREATMENTS = "treatments_in_7_days";
/** Two and more are frequent; so many are told apart. */
const TIMES = [0, 1, 2, 3, null];

/** The case number of a new patient, never a name. */
export function caseEntry(page) {
  const { panel: state } = page;
  return h("div", { class: "entry", key: "case" }, h("label", { for: "entry-case" }, t("patient.case")),
    h("div", { class: "typed" }, h("input", { id: "entry-case", value: state.case ?? "", maxlength: 32, autocomplete: "off", "data-first": true, on: { input: (event) => page.setPanel({ case: event.target.value.trim() }) } })),
    h("p", { class: "read" }, state.case && !CASE.test(state.case) ? t("entry.case") : t("patient.no_name")));
}

/** What is asked before a treatment; what nobody knows tightens limits as a yes does. */
export function checklist(page, before = {}) {
  const now = { ...before, ...page.panel.checklist };
  const put = (name, answer) => page.setPanel({ checklist: { ...page.panel.checklist, [name]: answer }, error: "" });
  return h("details", { key: "checks", open: true }, h("summary", null, t("check.title")),
    h("button", { type: "button", class: "wide", on: { click: () => page.setPanel({ checklist: { ...page.panel.checklist, ...Object.fromEntries(CHECKS.map((name) => [name, "no"])) } }) } }, t("check.all_no")),
    h("div", { class: "checks" }, CHECKS.map((name) =>
      choice(t(`check.${name}`), ANSWERS, now[name] ?? "unknown", (answer) => put(name, answer), { label: (one) => t(`answer.${one}`) })),
    choice(t(`check.${TREATMENTS}`), TIMES, now[TREATMENTS] ?? null, (answer) => put(TREATMENTS, answer), { label: (one) => (one === null ? t("answer.unknown") : one === TIMES.at(-2) ? `${one}+` : String(one)) })));
}

/** @param {Record<string, any>} page; its panel: {edge, bed, case, weight, checklist} */
export function patient(page) {
  return bedForm(page, t("verb.start-patient"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const there = therapy?.patient;
    const kept = there && !state.weight;
    const weight = kept ? `${there.weight_kg} kg` : quantity(state.weight, "kg");
    const fields = { weight, checklist: { ...there?.checklist, ...state.checklist } };
    const ready = (kept || !wrong(state.weight)) && (there || CASE.test(state.case ?? ""));
    const send = (sure) => () => sendForm(page, bed, therapy, "start-patient", { ...fields, sure, ...(there ? {} : { case: state.case }) });
    const shown = weight && `${local(plain(kept ? there.weight_kg : typed(state.weight).value))} ${unit("kg")}`;
    return [
      h("p", { class: "question", key: "about" }, t(there ? "patient.correct" : "patient.start")),
      there ? null : caseEntry(page),
      entry({ name: "order.weight", text: state.weight ?? "", unit: "kg", optional: Boolean(there), first: Boolean(there), change: (text) => page.setPanel({ weight: text, error: "", asks: false }) }),
      shown ? h("dl", { class: "facts huge", key: "read" }, fact(there?.case ?? (state.case || "--"), shown)) : null,
      checklist(page, there?.checklist),
      foot(page, { text: t(there ? "patient.correct_send" : "patient.start_send"), ready, send: send(false), sure: send(true) }),
    ];
  }, { patient: false });
}
