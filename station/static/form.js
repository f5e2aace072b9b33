/** What the forms share: an act is pending in its form until the edge has answered; a refusal keeps what was typed. */

import { about, bedTarget } from "./actions.js";
import { outcomeText } from "./alarm-card.js";
import { h } from "./dom.js";
import { choice, panel } from "./panel.js";
import { bedKey } from "./ward.js";
import { t } from "./words.js";

/** What is asked about the devices of a bed, whoever lies there. */
const PLAIN = new Set(["service", "bed-accepted"]);

/** Whether a refusal is a question: "if it is right, say so (sure)". */
export const asksSure = (outcome) => /\(sure\)/.test(outcome.reason ?? "");

/**
 * Ask for what a form says. It closes when it is done, and comes back with the reason where it is refused.
 * @param {Record<string, any>} page @param {Record<string, any>} fields @param {{done?: () => void}} more
 */
export function sendForm(page, bed, therapy, verb, fields, { done = null } = {}) {
  const kept = { ...page.panel };
  page.setPanel({ busy: true, error: "", asks: false });
  const heard = (outcome) => {
    if (outcome.result === "done") {
      done?.();
      return page.stands(kept) && page.close();
    }
    page.tell(kept, { error: outcomeText(outcome), asks: asksSure(outcome) });
  };
  if (therapy?.patient && !PLAIN.has(verb)) return about(page, bed, therapy, verb, fields, { then: heard });
  return page.acts.ask(verb, bed.edge, { bed: bed.bed, ...fields }, { target: bedTarget(bed), then: heard });
}

/**
 * A form about the bed that its panel names; where it needs a patient and there is none, it says so.
 * @param {(told: {bed: any, therapy: any}) => any} fill
 */
export function bedForm(page, title, fill, { patient = true } = {}) {
  const { panel: state, ward, moment } = page;
  const bed = ward.beds.get(bedKey(state.edge, state.bed));
  const therapy = bed && moment.therapy(bed);
  const named = `${title}: ${bed?.label ?? state.bed}`;
  if (!bed || (patient && !therapy?.patient)) return panel(page, named, h("p", null, t(bed ? "patient.none" : "bed.unknown")));
  return panel(page, named, fill({ bed, therapy }));
}

/** What stands under a form: the reason of a refusal, its question, the button that sends, and the way back. */
export function foot(page, { text, ready, send, sure = null, more = null }) {
  const { panel: state } = page;
  return [
    state.error ? h("p", { class: "outcome refused", role: "alert", key: "error" }, state.error) : null,
    sure && state.asks ? h("button", { class: "wide", type: "button", key: "sure", disabled: state.busy || !ready, on: { click: sure } }, t("order.sure")) : null,
    h("div", { class: "actions", key: "foot" },
      h("button", { class: "go", type: "button", disabled: state.busy || !ready, on: { click: send } }, state.busy ? t("act.pending") : text),
      more,
      h("button", { type: "button", on: { click: () => page.close() } }, t("act.cancel"))),
  ];
}

/** The pump channels of a bed by the roster, those of the snapshot where there is none. */
export function channelsOf(page, bed) {
  const roster = page.ward.edges.get(bed.edge)?.roster?.beds.find((one) => one.bed === bed.bed);
  const bound = roster?.bindings.filter((one) => one.role === "pump");
  return (bound?.length ? bound : (bed.snapshot?.channels ?? [])).map(({ port, channel }) => ({ port, channel }));
}

export const channelName = ({ port, channel }) => t("pump.channel", { port, channel });

const placeOf = ({ port, channel }) => `${port}.${channel}`;

/** The channel that a form is about, and how another one is chosen. */
export function channelOf(page, bed, all = channelsOf(page, bed)) {
  const chosen = all.find((one) => placeOf(one) === page.panel.channel) ?? all[0] ?? null;
  const choose = (place) => page.setPanel({ channel: place, role: undefined, error: "", asks: false });
  const which = all.length > 1
    ? choice(t("order.channel"), all.map(placeOf), placeOf(chosen), choose, { label: (place) => channelName(all.find((one) => placeOf(one) === place)) })
    : null;
  return { all, chosen, which };
}

/** The unit of mass in which a drug is dosed: one of micrograms is not typed in milligrams (H-05). */
export const massOf = (order) => (order?.dosing_unit ?? "mg/kg/h").split("/")[0];
