/** The observation round, and what was measured by hand: one tap when all is well, one more for each thing that is not. */

import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { sendForm } from "./form.js";
import { choice, panel } from "./panel.js";
import { bedKey } from "./ward.js";
import { t } from "./words.js";

const AIRWAY = ["clear", "secretions", "choking"];
const DEGREES = ["none", "mild", "moderate", "severe"];
const RASS = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4];
const PAIN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BY_HAND = [["heart_rate", "/min"], ["spo2", "%"], ["respiratory_rate", "/min"], ["nibp_sys", "mmHg"], ["nibp_dia", "mmHg"], ["nibp_mean", "mmHg"]];

/** @param {Record<string, any>} page; its panel: {edge, bed, found, hand} */
export function observe(page) {
  const { panel: state, ward, moment } = page;
  const bed = ward.beds.get(bedKey(state.edge, state.bed));
  const therapy = bed && moment.therapy(bed);
  if (!therapy?.patient) return panel(page, t("round.title"), h("p", null, t("patient.none")));
  const { found, hand = {} } = state;
  // What is there by then, not what was painted: two things may change between two paintings.
  const put = (name) => (value) => page.setPanel({ found: { ...page.panel.found, [name]: page.panel.found[name] === value ? undefined : value } });
  const bad = BY_HAND.some(([name]) => wrong(hand[name], { optional: true }));
  const send = (all) => {
    const measured = Object.fromEntries(BY_HAND.map(([name, unit]) => [name, quantity(hand[name], unit)]).filter(([, value]) => value));
    const told = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
    sendForm(page, bed, therapy, "observe", { ...told, ...(all ? { all_well: true } : {}), ...(Object.keys(measured).length ? { vital_signs: measured } : {}) });
  };
  const chosen = Object.values(found).some((value) => value !== undefined) || BY_HAND.some(([name]) => hand[name]);
  return panel(
    page,
    `${t("round.title")}: ${bed.label ?? bed.bed}`,
    h("button", { class: "go", "data-first": true, disabled: bad || state.busy, on: { click: () => send(true) } }, t(state.busy ? "act.pending" : chosen ? "round.rest_well" : "act.all_well")),
    state.error ? h("p", { class: "outcome refused", role: "alert", key: "error" }, state.error) : null,
    choice(t("round.airway"), AIRWAY, found.airway, put("airway"), { label: (one) => t(`airway.${one}`) }),
    choice(t("round.rass"), RASS, found.rass, put("rass"), { label: (one) => (one > 0 ? `+${one}` : String(one)), describe: t("round.rass_about") }),
    choice(t("round.anxiety"), DEGREES, found.anxiety, put("anxiety"), { label: (one) => t(`degree.${one}`) }),
    choice(t("round.nausea"), DEGREES, found.nausea, put("nausea"), { label: (one) => t(`degree.${one}`) }),
    choice(t("round.pain"), PAIN, found.pain, put("pain"), { describe: t("round.pain_about") }),
    h("details", null, h("summary", null, t("round.by_hand")),
      h("div", { class: "entries" }, BY_HAND.map(([name, unit]) =>
        entry({ name: `hand.${name}`, text: hand[name] ?? "", unit, optional: true, change: (text) => page.setPanel({ hand: { ...page.panel.hand, [name]: text } }) })))),
    h("button", { class: "wide", disabled: bad || state.busy || !chosen, on: { click: () => send(false) } }, t("round.only")),
  );
}
