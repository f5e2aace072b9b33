/** The line between a pump and its patient: how it was connected, and a flush of it. */

import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, channelName, channelOf, foot, sendForm } from "./form.js";
import { typed } from "./number.js";
import { choice } from "./panel.js";
import { fact } from "./why.js";
import { local, t, unit } from "./words.js";

const FILLED = ["drug", "other", "unknown"];
const BY = ["hand", "pump"];
const ML = "mL";

const filled = (page) =>
  choice(t("line.filled"), FILLED, page.panel.filled ?? "unknown", (one) => page.setPanel({ filled: one, error: "" }), { label: (one) => t(`filled.${one}`), describe: t("filled.about") });

const volume = (page, name, more = {}) =>
  entry({ name: `line.${name}`, text: page.panel[name] ?? "", unit: ML, change: (text) => page.setPanel({ [name]: text, error: "" }), ...more });

const inWords = (text) => `${local(typed(text ?? "").value)} ${unit(ML)}`;

/** @param {Record<string, any>} page; its panel: {edge, bed, channel, dead, filled} */
export function connect(page) {
  return bedForm(page, t("verb.line"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { chosen, which } = channelOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const fields = { ...chosen, dead_volume: quantity(state.dead, ML), filled_with: state.filled ?? "unknown" };
    return [
      which,
      h("p", { class: "question", key: "about" }, t("connect.about")),
      volume(page, "dead", { first: true }),
      filled(page),
      wrong(state.dead) ? null : h("dl", { class: "facts huge", key: "read" }, fact(channelName(chosen), `${inWords(state.dead)}, ${t(`filled.${state.filled ?? "unknown"}`)}`)),
      foot(page, { text: t("connect.send"), ready: !wrong(state.dead), send: () => sendForm(page, bed, therapy, "line", fields) }),
    ];
  });
}

/** @param {Record<string, any>} page; its panel: {edge, bed, channel, volume, by, dead, filled} */
export function flush(page) {
  return bedForm(page, t("verb.flush"), ({ bed, therapy }) => {
    const { panel: state } = page;
    const { chosen, which } = channelOf(page, bed);
    if (!chosen) return h("p", null, t("pump.none"));
    const by = state.by ?? "hand";
    const dead = quantity(state.dead, ML);
    const fields = { ...chosen, volume: quantity(state.volume, ML), by, ...(dead ? { dead_volume: dead, filled_with: state.filled ?? "unknown" } : {}) };
    const ready = !wrong(state.volume) && !wrong(state.dead, { optional: true });
    return [
      which,
      h("p", { class: "question", key: "about" }, t("flush.about")),
      volume(page, "volume", { first: true }),
      choice(t("flush.by"), BY, by, (one) => page.setPanel({ by: one, error: "" }), { label: (one) => t(`flush.${one}`) }),
      h("p", { class: "hint", key: "by" }, t(`flush.${by}.about`)),
      volume(page, "dead", { optional: true, hint: t("flush.dead") }),
      dead ? filled(page) : null,
      wrong(state.volume) ? null : h("dl", { class: "facts huge", key: "read" }, fact(channelName(chosen), `${inWords(state.volume)}, ${t(`flush.${by}`)}`)),
      foot(page, { text: t("flush.send"), ready, send: () => sendForm(page, bed, therapy, "flush", fields) }),
    ];
  });
}
