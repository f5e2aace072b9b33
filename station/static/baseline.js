/** What is usual for a patient, before the infusion: the middle of the monitor's last readings, or of what is typed. */

import { h } from "./dom.js";
import { entry, quantity, wrong } from "./entry.js";
import { bedForm, foot, sendForm } from "./form.js";
import { figure } from "./values.js";
import { metric } from "./ward.js";
import { fact } from "./why.js";
import { t, told, unit } from "./words.js";

/** Field of the request, metric of the snapshot, unit. */
const READ = [["heart_rate", "heart_rate_per_min", "/min"], ["nibp_sys", "nibp_sys_mmhg", "mmHg"], ["nibp_mean", "nibp_mean_mmhg", "mmHg"]];
/** The edge takes the median of up to three. */
const READINGS = [0, 1, 2];

/** @param {Record<string, any>} page; its panel: {edge, bed, typed: {"heart_rate/0": text}} */
export function baseline(page) {
  return bedForm(page, t("verb.baseline"), ({ bed, therapy }) => {
    const { typed = {} } = page.panel;
    const put = (name) => (text) => page.setPanel({ typed: { ...page.panel.typed, [name]: text }, error: "" });
    const readings = READINGS.map((n) => Object.fromEntries(READ.map(([name, , of]) => [name, quantity(typed[`${name}/${n}`], of)]).filter(([, value]) => value))).filter((one) => Object.keys(one).length);
    const bad = Object.values(typed).some((text) => wrong(text, { optional: true }));
    const live = page.moment.live(bed);
    // What the edge takes where nothing is typed, and nothing else: a cuff pressure of the patient before stays on the monitor.
    const found = bed.snapshot?.vital_signs;
    const shown = READ.map(([name, from, of]) => [name, metric(found, `baseline_${from}`), of]);
    const seen = live && shown.some(([, one]) => one && one.value !== null);
    return [
      h("p", { class: "question", key: "about" }, t(readings.length ? "baseline.typed" : "baseline.shown")),
      readings.length
        ? null
        : h("dl", { class: "facts huge", key: "shown" }, shown.map(([name, one, of]) => fact(t(`hand.${name}`), live && one ? [`${figure(one)} ${unit(of)}`, one.note ? h("small", null, told(one.note)) : null] : "--"))),
      // Said only where something is typed, so that a painting does not close what a nurse has opened.
      h("details", { key: "typed", ...(readings.length ? { open: true } : {}) }, h("summary", null, t("baseline.by_hand")),
        READINGS.filter((n) => n === 0 || readings.length >= n).map((n) =>
          h("fieldset", { class: "options", key: String(n) }, h("legend", null, t("baseline.reading", { number: n + 1 })),
            h("div", { class: "entries" }, READ.map(([name, , of]) =>
              entry({ name: `hand.${name}`, id: `${name}-${n}`, text: typed[`${name}/${n}`] ?? "", unit: of, optional: true, change: put(`${name}/${n}`) })))))),
      foot(page, { text: t("baseline.take"), ready: !bad && (readings.length > 0 || seen), send: () => sendForm(page, bed, therapy, "baseline", { readings }) }),
    ];
  });
}
