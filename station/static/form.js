/** What the forms share: an act is pending in its form until the edge has answered; a refusal keeps what was typed. */

import { about, bedTarget } from "./actions.js";
import { outcomeText } from "./alarm-card.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";
import { bedKey } from "./ward.js";
import { t } from "./words.js";

/**
 * Ask for what a form says. It closes when it is done, and comes back with the reason where it is refused.
 * @param {Record<string, any>} page @param {Record<string, any>} fields
 */
export function sendForm(page, bed, therapy, verb, fields) {
  const kept = { ...page.panel };
  page.setPanel({ busy: true, error: "" });
  const heard = (outcome) => {
    if (outcome.result === "done") return page.stands(kept) && page.close();
    page.tell(kept, { error: outcomeText(outcome) });
  };
  if (therapy?.patient) return about(page, bed, therapy, verb, fields, { then: heard });
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

/** What stands under a form: the reason of a refusal, the button that sends, and the way back. */
export function foot(page, { text, ready, send, more = null }) {
  const { panel: state } = page;
  return [
    state.error ? h("p", { class: "outcome refused", role: "alert", key: "error" }, state.error) : null,
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
