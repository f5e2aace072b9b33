/** A question before something that cannot be undone: end the infusion, close the therapy, pass a soft limit. */

import { h } from "./dom.js";
import { foot, sendForm } from "./form.js";
import { panel } from "./panel.js";
import { bedKey } from "./ward.js";
import { t } from "./words.js";

const REASON_MIN = { override: 3 };
const WITH_REASON = new Set(["close", "override"]);

/** @param {Record<string, any>} page; its panel: {edge, bed, verb, named, reason} */
export function ask(page) {
  const { panel: state, ward, moment } = page;
  const bed = ward.beds.get(bedKey(state.edge, state.bed));
  const therapy = bed && moment.therapy(bed);
  const title = `${t(`verb.${state.verb}`)}: ${bed?.label ?? state.bed}`;
  if (!therapy?.patient) return panel(page, title, h("p", null, t("patient.none")));
  const reason = state.reason ?? "";
  const send = () => sendForm(page, bed, therapy, state.verb, { ...(state.named ?? {}), ...(WITH_REASON.has(state.verb) ? { reason } : {}) });
  return panel(
    page,
    title,
    h("p", { class: "question" }, t(`ask.${state.verb}`, { case: therapy.patient.case })),
    WITH_REASON.has(state.verb)
      ? h("div", { class: "entry" }, h("label", { for: "entry-reason" }, t("ask.reason")),
          h("input", { id: "entry-reason", maxlength: 200, value: reason, "data-first": true, on: { input: (event) => page.setPanel({ reason: event.target.value, error: "" }) } }))
      : null,
    foot(page, { text: t(`verb.${state.verb}`), ready: reason.trim().length >= (REASON_MIN[state.verb] ?? 0), send }),
  );
}
