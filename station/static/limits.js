/** A limit of a vital sign, set for one patient inside what the site allows; it ends with the patient. */

import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, foot, sendForm } from "./form.js";
import { plain, typed as read } from "./number.js";
import { fact } from "./why.js";
import { has, local, t, unit } from "./words.js";

const nameOf = (limit) => `${limit.condition}/${limit.band}`;

/** The limits that may be set for one patient. */
export const adjustable = (therapy) => (therapy?.limits ?? []).filter((one) => one.adjust_from != null && one.adjust_to != null);

/** @param {Record<string, any>} page; its panel: {edge, bed, limit, text} */
export function limits(page) {
  return bedForm(page, t("verb.limits"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const all = adjustable(therapy);
    const limit = all.find((one) => nameOf(one) === state.limit);
    if (!all.length) return h("p", null, t("limits.fixed"));
    return limit ? one(page, bed, therapy, limit) : list(page, therapy, all);
  });
}

function list(page, therapy, all) {
  return [
    h("p", { class: "question", key: "which" }, t("limits.which")),
    h("div", { class: "limit-list", key: "list" }, all.map((limit, n) =>
      h("button", { key: nameOf(limit), "data-first": n === 0, on: { click: () => page.setPanel({ limit: nameOf(limit), text: "", fresh: true }) } },
        h("b", null, title(limit)), h("span", null, valueOf(limit)),
        mine(therapy, limit) ? h("span", { class: "dim" }, t("limits.mine")) : null))),
  ];
}

function one(page, bed, therapy, limit) {
  const { panel: state } = page;
  const of = limit.unit === "mm[Hg]" ? "mmHg" : limit.unit;
  const named = { condition: limit.condition, band: limit.band };
  const set = mine(therapy, limit);
  const number = read(state.text ?? "").value;
  const wider = number !== undefined && (limit.side === "high" ? Number(number) > Number(limit.value) : Number(number) < Number(limit.value));
  return [
    h("dl", { class: "facts huge", key: "facts" }, fact(title(limit), valueOf(limit)),
      fact(t("limits.allowed"), t("limits.range", { from: local(plain(limit.adjust_from)), to: local(plain(limit.adjust_to)), unit: unit(of) }))),
    entry({ name: "limits.new", text: state.text ?? "", unit: of, first: true, change: (text) => page.setPanel({ text, error: "" }) }),
    wider ? h("p", { class: "outcome warning", role: "status", key: "wider" }, t("limits.wider")) : null,
    foot(page, {
      text: t("act.send"), ready: !wrong(state.text), send: () => sendForm(page, bed, therapy, "limits", { ...named, value: quantity(state.text, of) }),
      more: [
        set ? h("button", { type: "button", key: "before", disabled: state.busy, on: { click: () => sendForm(page, bed, therapy, "limits", named) } }, t("limits.before")) : null,
        h("button", { type: "button", key: "others", on: { click: () => page.setPanel({ limit: null, error: "", fresh: true }) } }, t("act.back")),
      ],
    }),
  ];
}

const mine = (therapy, limit) => (therapy.adjusted ?? []).find((one) => one.condition === limit.condition && one.band === limit.band);

function title(limit) {
  const subject = has(`subject.${limit.condition}`) ? t(`subject.${limit.condition}`) : limit.condition;
  return `${subject}, ${t(`limits.${limit.side}`)}, ${has(`limits.${limit.band}`) ? t(`limits.${limit.band}`).toLowerCase() : limit.band}`;
}

const valueOf = (limit) => `${limit.side === "high" ? "≤" : "≥"} ${local(plain(limit.value))} ${unit(limit.unit)}`;
