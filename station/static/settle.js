/**
 * How much a channel has given in all, where that is not sure: read at the pump, and typed. Where the library wants two
 * persons, the second one is not told the number of the first: who reads it off the screen has not read the pump.
 */

import { drugName, personOf } from "./alarm-text.js";
import { span } from "./clock.js";
import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, channelName, channelOf, foot, massOf, sendForm } from "./form.js";
import { typed } from "./number.js";
import { givenOf } from "./therapy.js";
import { orderOf } from "./ward.js";
import { fact } from "./why.js";
import { local, t, unit } from "./words.js";

/** As the edge wants it. */
const REASON_MIN = 3;

/** @param {Record<string, any>} page; its panel: {edge, bed, channel, text, reason} */
export function settle(page) {
  return bedForm(page, t("verb.settle-dose"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { chosen, which } = channelOf(page, bed, therapy.orders.map(({ port, channel }) => ({ port, channel })));
    if (!chosen) return h("p", null, t("order.none"));
    const order = orderOf(therapy, chosen);
    const of = massOf(order);
    const read = typed(state.text ?? "");
    const reason = state.reason ?? t("settle.reason");
    const waiting = (therapy.settling ?? []).find((one) => one.port === chosen.port && one.channel === chosen.channel);
    const send = (sure) => () => {
      const go = () => sendForm(page, bed, therapy, "settle-dose", { ...chosen, given: quantity(state.text, of), reason, sure });
      // Who read it first cannot be the second one: another name is asked for.
      if (waiting && waiting.user === page.ward.session?.user && page.panel.another) page.open("login", { user: null, pin: "", then: go });
      else go();
    };
    return [
      which,
      h("p", { class: "question", key: "about" }, t("settle.about", { drug: drugName(order.drug), channel: channelName(chosen) })),
      h("dl", { class: "facts large", key: "known" }, fact(t("settle.known"), givenOf(bed, chosen) ?? "--")),
      waiting ? second(page, bed, waiting) : null,
      entry({ name: "settle.given", text: state.text ?? "", unit: of, first: true, change: (text) => page.setPanel({ text, error: "", asks: false }) }),
      read.error ? null : h("dl", { class: "facts huge", key: "read" }, fact(drugName(order.drug), `${local(read.value)} ${unit(of)}`)),
      h("div", { class: "entry", key: "reason" }, h("label", { for: "entry-reason" }, t("ask.reason")),
        h("input", { id: "entry-reason", maxlength: 200, value: reason, on: { input: (event) => page.setPanel({ reason: event.target.value, error: "" }) } })),
      foot(page, { text: t("settle.send"), ready: !wrong(state.text) && reason.trim().length >= REASON_MIN, send: send(false), sure: send(true) }),
    ];
  });
}

/** That somebody has read it already, and who may be the second one. */
function second(page, bed, waiting) {
  const left = page.moment.until(bed.edge, waiting.until_mono_s);
  const who = personOf(page.ward, waiting.user);
  const mine = waiting.user === page.ward.session?.user;
  return h("div", { class: "awaiting", key: "second" },
    h("p", null, t("settle.second", { who, span: span(Math.max(0, left ?? 0)) })),
    mine ? h("div", { class: "actions" },
      h("button", { type: "button", "aria-pressed": String(Boolean(page.panel.another)), on: { click: () => page.setPanel({ another: !page.panel.another, text: "", fresh: true }) } }, t("settle.another"))) : null);
}
