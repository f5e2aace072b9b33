/** What is told of a pump: a dose given beside it, what a channel is for, and a line that is off the patient. */

import { drugName } from "./alarm-text.js";
import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, channelOf, foot, massOf, sendForm } from "./form.js";
import { choice } from "./panel.js";
import { typed } from "./number.js";
import { fact } from "./why.js";
import { drugs, local, t, unit } from "./words.js";

const ROLES = ["ordered", "carrier", "not_supervised"];
/** A line is purged within five minutes; the edge takes no more (H-28). */
const OFF_MIN = [1, 2, 5];
const key = ({ port, channel }) => `${port}.${channel}`;

/** A dose that was given outside the pump. @param {Record<string, any>} page; its panel: {edge, bed, drug, text} */
export function dose(page) {
  return bedForm(page, t("verb.manual-dose"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const orders = [...therapy.orders, ...(therapy.awaiting ?? []).map((one) => one.order)];
    const here = [...new Set(orders.map((one) => one.drug))];
    const known = [...here, ...drugs().filter((one) => !here.includes(one))];
    const drug = state.drug ?? (here.length === 1 ? here[0] : undefined);
    const read = typed(state.text ?? "");
    const of = massOf(orders.find((one) => one.drug === drug));
    return [
      choice(t("order.drug"), known, drug, (one) => page.setPanel({ drug: one, error: "" }), { label: drugName }),
      entry({ name: "dose.given", text: state.text ?? "", unit: of, first: true, change: (text) => page.setPanel({ text, error: "" }) }),
      drug && !read.error ? h("dl", { class: "facts huge", key: "read" }, fact(drugName(drug), `${local(read.value)} ${unit(of)}`)) : null,
      h("p", { class: "hint", key: "hint" }, t("dose.hint")),
      foot(page, { text: t("dose.send"), ready: Boolean(drug) && !wrong(state.text), send: () => sendForm(page, bed, therapy, "manual-dose", { drug, dose: quantity(state.text, of) }) }),
    ];
  });
}

/** What a channel is for; a bed needs no patient for it. @param {Record<string, any>} page; its panel: {edge, bed, channel, role} */
export function role(page) {
  return bedForm(page, t("verb.channel-role"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { chosen, which } = channelOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const now = (therapy?.roles ?? []).find((one) => key(one) === key(chosen))?.role ?? "ordered";
    return [
      which,
      choice(t("role.what"), ROLES, state.role ?? now, (one) => page.setPanel({ role: one, error: "" }), { label: (one) => t(`channel.${one}`) }),
      h("p", { class: "question", key: "about" }, t(`channel.${state.role ?? now}.about`)),
      foot(page, { text: t("act.send"), ready: (state.role ?? now) !== now, send: () => sendForm(page, bed, therapy, "channel-role", { ...chosen, case: therapy?.patient?.case ?? "", channel_role: state.role }) }),
    ];
  }, { patient: false });
}

/** A line that is off the patient while it is purged. @param {Record<string, any>} page; its panel: {edge, bed, channel, minutes} */
export function line(page) {
  return bedForm(page, t("verb.line-disconnected"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { chosen, which } = channelOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const minutes = state.minutes ?? 2;
    const off = linesOff(page, bed, therapy).some((one) => key(one) === key(chosen));
    const send = (duration) => () => sendForm(page, bed, therapy, "line-disconnected", { ...chosen, duration });
    return [
      which,
      h("p", { class: "question", key: "about" }, t("line.about")),
      choice(t("line.for"), OFF_MIN, minutes, (one) => page.setPanel({ minutes: one }), { label: (one) => `${one} ${unit("min")}` }),
      foot(page, {
        text: t("line.send", { minutes }), ready: true, send: send(`${minutes} min`),
        more: off ? h("button", { type: "button", key: "on", disabled: state.busy, on: { click: send("0 s") } }, t("line.on_again")) : null,
      }),
    ];
  });
}

/** The lines that are off the patient now, with what is left of it. */
export function linesOff(page, bed, therapy) {
  return (therapy?.disconnected ?? []).map((one) => ({ ...one, left: page.moment.until(bed.edge, one.until_mono_s) })).filter((one) => one.left !== null && one.left > 0);
}
