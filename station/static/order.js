/**
 * Start and order. The pump's drug and step are taken over; weight and concentration are typed again, since a number
 * that nobody typed nobody has looked at (H-01). What was understood is read back large before it is sent.
 */

import { bedTarget } from "./actions.js";
import { drugName } from "./alarm-text.js";
import { outcomeText } from "./alarm-card.js";
import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { asksSure } from "./form.js";
import { choice, panel } from "./panel.js";
import { CASE, caseEntry, checklist } from "./patient.js";
import { figure } from "./values.js";
import { bedKey, metric, orderOf } from "./ward.js";
import { fact } from "./why.js";
import { drugs, local, t, unit } from "./words.js";

/** Number fields of an order: name, unit of the request, whether it may be left to the pump or the library. */
const FIELDS = [
  ["weight", "kg", false], ["concentration", "mg/mL", false], ["step", "mg/kg/h", true], ["maximum", "mg/kg/h", true],
];
const MORE = [["increment", "mg/kg/h"], ["step_interval", "min"], ["total", "mg/kg"], ["planned", "min"], ["cuff_interval", "min"], ["round_interval", "min"], ["given_before", "mg"]];
/** What a drug that the pump does not name may be dosed in; the edge converts exactly. */
const DOSED_IN = ["mg/kg/h", "ug/kg/h", "ug/kg/min"];

/** Whether another drug was chosen than that of the order before. */
const another = (order, state) => Boolean(state.drug) && state.drug !== order?.drug;

const rateOf = (order, channel, state) =>
  another(order, state) ? (state.unit ?? DOSED_IN[0]) : (order?.dosing_unit ?? (channel.dosing_unit || DOSED_IN[0]));

/** The fields with the units of the drug that was chosen, of the order before, or of what the pump names. */
function fieldsOf(order, channel, state) {
  const rate = rateOf(order, channel, state);
  const [mass] = rate.split("/");
  const units = { "mg/kg/h": rate, "mg/kg": `${mass}/kg`, "mg/mL": `${mass}/mL`, mg: mass };
  const inUnits = (list) => list.map(([name, of, optional]) => [name, units[of] ?? of, optional]);
  return { fields: inUnits(FIELDS), more: inUnits(MORE) };
}

/** @param {Record<string, any>} page; its panel: {edge, bed, step, typed, case, checklist, channel, drug, unit, sure, error} */
export function order(page) {
  const { panel: state, ward, moment } = page;
  const bed = ward.beds.get(bedKey(state.edge, state.bed));
  if (!bed) return panel(page, t("order.title"), h("p", null, t("bed.unknown")));
  const therapy = moment.therapy(bed);
  const channels = bed.snapshot?.channels ?? [];
  const channel = channels.find((one) => `${one.port}.${one.channel}` === state.channel) ?? channels[0] ?? null;
  const title = `${t(therapy?.patient ? "order.title" : "start.title")}: ${bed.label ?? bed.bed}`;
  if (!channel) return panel(page, title, h("p", null, t("pump.none")));
  const form = { bed, therapy, channel, channels };
  return panel(page, title, state.step === "read" ? readBack(page, form) : enter(page, form));
}

function enter(page, { therapy, channel, channels }) {
  const { panel: state } = page;
  const { typed } = state;
  const before = orderOf(therapy, channel);
  const { fields, more } = fieldsOf(before, channel, state);
  const named = before ?? channel.drug;
  // What is there by then, not what was painted: two fields may change between two paintings.
  const put = (name) => (text) => page.setPanel({ typed: { ...page.panel.typed, [name]: text }, error: "" });
  const starting = !therapy?.patient;
  const ready = FIELDS.every(([name, , optional]) => !wrong(typed[name], { optional })) && MORE.every(([name]) => !wrong(typed[name], { optional: true })) && (!starting || CASE.test(state.case ?? ""));
  const pump = metric(channel.metrics, "dose_rate") ?? metric(channel.metrics, "dose_rate_set_mg_per_kg_per_h") ?? metric(channel.metrics, "dose_rate_mg_per_kg_per_h");
  const rate = metric(channel.metrics, "infusion_rate_ml_per_h");
  return h(
    "form",
    { class: "order-form", key: "enter", on: { submit: (event) => (event.preventDefault(), ready && page.setPanel({ step: "read" })) } },
    channels.length > 1 ? choice(t("order.channel"), channels.map((one) => `${one.port}.${one.channel}`), `${channel.port}.${channel.channel}`, (one) => page.setPanel({ channel: one, drug: undefined, unit: undefined, typed: { weight: typed.weight } })) : null,
    h("p", { class: "from-pump" }, t("order.from_pump", { drug: drugName(channel.drug), rate: `${figure(rate)} ${unit("mL/h")}` })),
    starting ? caseEntry(page) : null,
    h("div", { class: "entries" }, fields.map(([name, of, optional], n) =>
      entry({ name: `order.${name}`, text: typed[name] ?? "", unit: of, change: put(name), optional, first: !starting && n === 0, hint: name === "step" ? t("order.step_hint", { step: `${figure(pump, { asDose: true })} ${pump ? unit(pump.unit) : ""}` }) : name === "maximum" ? t("order.maximum_hint") : "" }))),
    named ? null : drugChoice(page, before, channel, t("order.drug_hint")),
    starting ? checklist(page) : null,
    h("details", { key: "more" }, h("summary", null, t("order.more")),
      named ? drugChoice(page, before, channel) : null,
      h("div", { class: "entries" }, more.map(([name, of]) => entry({ name: `order.${name}`, text: typed[name] ?? "", unit: of, optional: true, change: put(name) })))),
    h("button", { type: "submit", class: "go", disabled: !ready }, t("order.read")),
  );
}

/** The drug, where the pump does not say it or says another one, and then the unit in which it is dosed. */
function drugChoice(page, before, channel, about = null) {
  const { drug, unit: of } = page.panel;
  const choose = (fields) => {
    const { typed } = page.panel;
    const same = rateOf(before, channel, page.panel) === rateOf(before, channel, { ...page.panel, ...fields });
    // Numbers that were typed in another unit are typed anew: nothing is taken for a thousand times as much (H-05).
    page.setPanel({ ...fields, error: "", typed: same ? typed : { weight: typed.weight } });
  };
  return [
    choice(t("order.drug"), drugs(), drug, (one) => choose({ drug: one === drug ? undefined : one, unit: undefined }), { label: drugName, describe: about }),
    another(before, page.panel) ? choice(t("order.unit"), DOSED_IN, of ?? DOSED_IN[0], (one) => choose({ unit: one }), { label: unit }) : null,
  ];
}

/** Everything that will be sent, large. */
function readBack(page, form) {
  const { panel: state } = page;
  const { therapy, channel } = form;
  const before = orderOf(therapy, channel);
  const { fields, more } = fieldsOf(before, channel, state);
  const step = another(before, state) ? null : before?.shown?.step;
  const said = [...fields, ...more].map(([name, of]) => [t(`order.${name}`), quantity(state.typed[name], of), of]).filter(([, value]) => value);
  return h(
    "div",
    { class: "read-back", key: "read" },
    h("p", null, t("order.check")),
    h("dl", { class: "facts huge" },
      therapy?.patient ? null : fact(t("patient.case"), state.case),
      fact(t("order.drug"), drugName(state.drug || channel.drug || before?.drug)),
      said.map(([name, value, of]) => fact(name, `${local(value.slice(0, -of.length - 1))} ${unit(of)}`)),
      said.some(([name]) => name === t("order.step")) ? null : fact(t("order.step"), step ? local(step) : t("order.as_pump"))),
    state.error ? h("p", { class: "outcome refused", role: "alert" }, state.error) : null,
    state.asks ? h("button", { class: "wide", disabled: state.busy, on: { click: () => send(page, form, true) } }, t("order.sure")) : null,
    h("div", { class: "actions" },
      h("button", { class: "go", "data-first": true, disabled: state.busy, on: { click: () => send(page, form, false) } }, t(state.busy ? "act.pending" : "order.send")),
      h("button", { on: { click: () => page.setPanel({ step: "enter", error: "", asks: false, fresh: true }) } }, t("act.back"))),
  );
}

/** First the patient, if there is none; then the order. Each waits for the edge. */
function send(page, { bed, therapy, channel }, sure) {
  const { panel: state } = page;
  const caseNumber = therapy?.patient?.case ?? state.case;
  const target = bedTarget(bed);
  const kept = { ...state };
  page.setPanel({ busy: true, error: "", asks: false });
  const failed = (outcome) => page.tell(kept, { step: "read", error: outcomeText(outcome), asks: asksSure(outcome) });
  const place = () => {
    const before = orderOf(page.moment.therapy(bed), channel);
    const waiting = page.moment.therapy(bed)?.awaiting?.find((one) => one.order.port === channel.port && one.order.channel === channel.channel);
    const { fields, more } = fieldsOf(before, channel, state);
    const told = Object.fromEntries([...fields, ...more].map(([name, of]) => [name, quantity(state.typed[name], of)]).filter(([, value]) => value));
    page.acts.ask("order", bed.edge, { bed: bed.bed, case: caseNumber, port: channel.port, channel: channel.channel, rev: waiting?.order.rev ?? before?.rev ?? 0, sure, ...told, ...(state.drug ? { drug: state.drug } : {}) }, {
      target, then: (outcome) => (outcome.result === "done" ? page.stands(kept) && page.close() : failed(outcome)),
    });
  };
  if (therapy?.patient) return place();
  page.acts.ask("start-patient", bed.edge, { bed: bed.bed, case: caseNumber, weight: quantity(state.typed.weight, "kg"), checklist: state.checklist ?? {}, sure }, {
    target, then: (outcome) => (outcome.result === "done" ? place() : failed(outcome)),
  });
}

