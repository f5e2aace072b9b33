/** The order with its limits, the patient, what was given, the rounds: what holds at a bed, and what can be asked for. */

import { drugName, personOf, titleOf } from "./alarm-text.js";
import { span, timeOf } from "./clock.js";
import { h } from "./dom.js";
import { plain, rounded } from "./number.js";
import { metric } from "./ward.js";
import { fact } from "./why.js";
import { has, local, t, told, unit } from "./words.js";

const mg = (value, name) => (value === null || value === undefined ? null : `${local(plain(value))} ${unit(name)}`);
/** "0.1 ug/kg/min", as the edge wrote it in the unit of the drug's entry. */
const said = (text) => {
  const [number, of] = (text || "").split(" ");
  return of ? `${local(plain(number))} ${unit(of)}` : null;
};
const time = (seconds) => (seconds === null || seconds === undefined ? null : span(seconds));

export function orderFacts(page, order) {
  const dose = (name, value, of) => said(order.shown?.[name]) ?? mg(value, of);
  return [
    [t("order.drug"), drugName(order.drug)],
    [t("order.concentration"), dose("concentration", order.concentration_mg_per_ml, "mg/mL")],
    [t("order.weight"), mg(order.weight_kg, "kg")],
    [t("order.step"), dose("step", order.step_mg_per_kg_per_h, "mg/kg/h")],
    [t("order.maximum"), dose("maximum", order.maximum_mg_per_kg_per_h, "mg/kg/h")],
    [t("order.start"), dose("start", order.start_mg_per_kg_per_h, "mg/kg/h")],
    [t("order.increment"), dose("increment", order.increment_mg_per_kg_per_h, "mg/kg/h")],
    [t("order.step_interval"), time(order.step_interval_s)],
    [t("order.total"), dose("total", order.total_mg_per_kg, "mg/kg")],
    [t("order.planned"), time(order.planned_s)],
    [t("order.cuff_interval"), time(order.cuff_interval_s)],
    [t("order.by"), order.by ? personOf(page.ward, order.by) : told(order.origin)],
    [t("order.confirmed_by"), order.confirmed_by ? personOf(page.ward, order.confirmed_by) : null],
  ].filter(([, value]) => value);
}

export function orders(page, therapy) {
  if (!therapy?.orders.length) return h("p", { class: "nothing" }, t("order.none"));
  return therapy.orders.map((order) =>
    h("section", { class: "order", key: `${order.port}.${order.channel}` },
      h("dl", { class: "facts" }, orderFacts(page, order).map(([name, value]) => fact(name, value))),
      order.prefilled ? h("p", { class: "hint" }, t("order.prefilled")) : null,
      order.overrides.map((one) => h("p", { class: "hint" }, t("order.overridden", { limit: titleOf(one), reason: one.reason, who: personOf(page.ward, one.by) })))));
}

/** The limits in force, a line a condition. */
export function limitTable(therapy, { origin = true } = {}) {
  const rows = new Map();
  // Limits of a dose are of a pump channel: with two of them each has lines of its own.
  const place = (limit) => (limit.port && therapy.orders.length > 1 ? `${limit.port} ${limit.channel}` : "");
  for (const limit of therapy?.limits ?? []) {
    const key = `${limit.condition}/${place(limit)}`;
    rows.set(key, [...(rows.get(key) ?? []), limit]);
  }
  if (!rows.size) return h("p", { class: "nothing" }, t("limits.none"));
  return h("table", { class: "limits" },
    h("caption", null, therapy?.baseline ? t("limits.title") : t("limits.standard")),
    h("thead", null, h("tr", null, ["what", "soft", "hard", ...(origin ? ["origin"] : [])].map((name) => h("th", { scope: "col" }, t(`limits.${name}`))))),
    h("tbody", null, [...rows].map(([key, limits]) => {
      const { condition } = limits[0];
      const at = (band) => limits.filter((one) => one.band === band).map((one) => `${one.side === "high" ? "≤" : "≥"} ${said(one.shown) ?? `${local(plain(one.value))} ${unit(one.unit)}`}`).join(", ");
      return h("tr", { key },
        h("th", { scope: "row" }, has(`subject.${condition}`) ? t(`subject.${condition}`) : titleOf({ condition }), place(limits[0]) ? h("small", null, ` ${place(limits[0])}`) : null),
        h("td", null, at("soft") || "–"), h("td", null, at("hard") || "–"),
        origin ? h("td", { class: "origin" }, [...new Set(limits.map((one) => one.origin))].map((one) => told(one)).join("; ")) : null);
    })));
}

export function patientFacts(page, therapy) {
  const patient = therapy?.patient;
  if (!patient) return h("p", { class: "nothing" }, t("patient.none"));
  const list = Object.entries(patient.checklist).filter(([, answer]) => answer !== "no" && answer !== null);
  return h("dl", { class: "facts" },
    fact(t("patient.case"), patient.case), fact(t("patient.weight"), mg(patient.weight_kg, "kg")),
    fact(t("patient.started"), `${timeOf(patient.started)}, ${personOf(page.ward, patient.by)}`),
    list.map(([name, answer]) => fact(t(`check.${name}`), name === "treatments_in_7_days" ? String(answer) : t(`answer.${answer}`))),
    therapy.baseline ? fact(t("patient.baseline"), ["heart_rate_per_min", "nibp_sys_mmhg", "nibp_mean_mmhg"].map((name) => therapy.baseline[name] ?? "–").join(" / ")) : fact(t("patient.baseline"), t("patient.no_baseline")));
}

const inOther = (text) => (text && !text.endsWith(" mg") ? told(text) : null);

/** What was given so far, an interval where it is not certain. */
function amount(dose) {
  const low = metric(dose.metrics, "session_dose_low_mg")?.value;
  const high = metric(dose.metrics, "session_dose_high_mg")?.value;
  const text = low === null || low === undefined ? "--" : low === high || !high ? local(rounded(low, 1)) : `${local(rounded(low, 1, false))}–${local(rounded(high, 1))}`;
  return inOther(dose.given_text) ?? `${text} mg`;
}

/** What a channel gave so far, null where nothing is told of it. */
export function givenOf(bed, { port, channel }) {
  const dose = (bed.snapshot?.doses ?? []).find((one) => one.port === port && one.channel === channel);
  return dose ? amount(dose) : null;
}

export function given(bed) {
  const doses = bed.snapshot?.doses ?? [];
  if (!doses.length) return null;
  return h("dl", { class: "facts" }, doses.map((dose) => [fact(t("given.title", { drug: drugName(dose.drug) }), amount(dose)), fact(t("given.check"), has(`check.volume.${dose.volume_check}`) ? t(`check.volume.${dose.volume_check}`) : told(dose.volume_check_text))]));
}

export function rounds(page, therapy) {
  const found = [...(therapy?.rounds ?? [])].reverse();
  if (!found.length) return h("p", { class: "nothing" }, t("round.none"));
  const said = (family, value) => (value === null ? "–" : t(`${family}.${value}`));
  return h("table", { class: "rounds" },
    h("thead", null, h("tr", null, ["at", "airway", "rass", "anxiety", "nausea", "pain", "by"].map((name) => h("th", { scope: "col" }, t(`round.${name}`))))),
    h("tbody", null, found.map((one) => h("tr", { key: one.at.wall },
      h("td", null, timeOf(one.at)), h("td", null, said("airway", one.airway)), h("td", null, one.rass === null ? "–" : String(one.rass)),
      h("td", null, said("degree", one.anxiety)), h("td", null, said("degree", one.nausea)), h("td", null, one.pain === null ? "–" : String(one.pain)), h("td", null, personOf(page.ward, one.by))))));
}

/** The lines to the devices of a bed. */
export function devices(page, bed) {
  const edge = page.ward.edges.get(bed.edge);
  const binding = edge?.roster?.beds.find((one) => one.bed === bed.bed)?.bindings ?? [];
  const ports = new Set(binding.map((one) => one.port));
  const list = (edge?.self_check ?? edge?.roster)?.devices.filter((one) => ports.has(one.port)) ?? [];
  if (!list.length) return h("p", { class: "nothing" }, t("device.none"));
  return h("ul", { class: "devices" }, list.map((device) => {
    const target = `confirm-device/${bed.edge}/${device.port}`;
    return h("li", { key: device.port, class: `link-${device.link}` },
      h("b", null, device.port), h("span", null, t(`link.${device.link}`) + (device.detail ? ` (${told(device.detail)})` : "")),
      h("span", { class: "dim" }, `${device.driver}${device.experimental ? ` – ${t("device.experimental")}` : ""}`),
      device.identities.map((who) => h("span", { class: "dim" }, [who.model, who.serial_number, t(`identity.${who.state}`)].filter(Boolean).join(" · "))),
      device.identities.filter((who) => who.state === "unconfirmed" || who.state === "changed").map((who) =>
        h("button", { disabled: page.acts.waits(target), on: { click: () => page.acts.ask("confirm-device", bed.edge, { bed: bed.bed, port: device.port, channel: who.channel, serial_number: who.serial_number }, { target }) } }, t("device.confirm", { number: who.serial_number }))));
  }));
}
