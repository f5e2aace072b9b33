/** What is told of a pump: a dose given beside it, what a channel is for, and a line that is off the patient. */

import { drugName } from "./alarm-text.js";
import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, channelName, channelsOf, foot, sendForm } from "./form.js";
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
    const here = [...new Set([...therapy.orders, ...(therapy.awaiting ?? []).map((one) => one.order)].map((one) => one.drug))];
    const known = [...here, ...drugs().filter((one) => !here.includes(one))];
    const drug = state.drug ?? (here.length === 1 ? here[0] : undefined);
    const read = typed(state.text ?? "");
    return [
      choice(t("order.drug"), known, drug, (one) => page.setPanel({ drug: one, error: "" }), { label: drugName }),
      entry({ name: "dose.given", text: state.text ?? "", unit: "mg", first: true, change: (text) => page.setPanel({ text, error: "" }) }),
      drug && !read.error ? h("dl", { class: "facts huge", key: "read" }, fact(drugName(drug), `${local(read.value)} ${unit("mg")}`)) : null,
      h("p", { class: "hint", key: "hint" }, t("dose.hint")),
      foot(page, { text: t("dose.send"), ready: Boolean(drug) && !wrong(state.text), send: () => sendForm(page, bed, therapy, "manual-dose", { drug, dose: quantity(state.text, "mg") }) }),
    ];
  });
}

/** What a channel is for; a bed needs no patient for it. @param {Record<string, any>} page; its panel: {edge, bed, channel, role} */
export function role(page) {
  return bedForm(page, t("verb.channel-role"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { all, chosen } = chosenOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const now = (therapy?.roles ?? []).find((one) => key(one) === key(chosen))?.role ?? "ordered";
    return [
      which(page, all, chosen),
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
    const { all, chosen } = chosenOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const minutes = state.minutes ?? 2;
    const off = linesOff(page, bed, therapy).some((one) => key(one) === key(chosen));
    const send = (duration) => () => sendForm(page, bed, therapy, "line-disconnected", { ...chosen, duration });
    return [
      which(page, all, chosen),
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

function chosenOf(page, bed) {
  const all = channelsOf(page, bed);
  return { all, chosen: all.find((one) => key(one) === page.panel.channel) ?? all[0] ?? null };
}

const which = (page, all, chosen) =>
  all.length > 1 ? choice(t("order.channel"), all.map(key), key(chosen), (one) => page.setPanel({ channel: one, role: undefined, error: "" }), { label: (one) => channelName(all.find((each) => key(each) === one)) }) : null;
