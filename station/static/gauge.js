/** A dose as a needle on its limits: where it is, what was ordered, and where it gets too much, at one glance. */

import { h } from "./dom.js";
import { plain } from "./number.js";
import { local, t } from "./words.js";

/** What lies beyond the hard limit is seen too. */
const BEYOND = 1.25;

/** @param {{value: string | null, step: string | null, soft: string | null, hard: string | null, live: boolean}} told */
export function gauge(told) {
  const { value, step, soft, hard, live } = told;
  if (value === null && step === null && soft === null && hard === null) return null;
  const numbers = [value, step, soft, hard].map((one) => (one === null ? null : Number(one)));
  const [now, ordered, warn, stop] = numbers;
  const top = Math.max((stop ?? warn ?? ordered ?? 0) * BEYOND, (now ?? 0) * 1.05) || 0.1;
  const x = (number) => `${Math.min(100, (100 * number) / top).toFixed(2)}%`;
  const width = (from, to) => `${Math.max(0, Math.min(100, (100 * (to - from)) / top)).toFixed(2)}%`;
  const marks = [];
  if (warn !== null) {
    const end = stop ?? top;
    marks.push(h("rect", { class: "zone soft", x: x(warn), y: 20, width: width(warn, end), height: 16 }));
  }
  if (stop !== null) {
    marks.push(h("rect", { class: "zone hard", x: x(stop), y: 20, width: width(stop, top), height: 16 }));
  }
  for (const [number, kind, text] of [[warn, "soft", soft], [stop, "hard", hard]]) {
    if (number === null) continue;
    marks.push(h("line", { class: `limit ${kind}`, x1: x(number), x2: x(number), y1: 16, y2: 40 }));
    marks.push(h("text", { class: `figure ${kind}`, x: x(number), y: 13, "text-anchor": "middle" }, local(plain(text))));
  }
  if (ordered !== null) {
    marks.push(
      h("svg", { x: x(ordered), y: 0, overflow: "visible" },
        h("path", { class: "ordered", d: "M-7 52 L7 52 L0 41 Z" }),
        h("text", { class: "figure", x: 11, y: 54 }, `${t("gauge.ordered")} ${local(plain(step))}`)),
    );
  }
  if (now !== null) {
    const at = Math.min(now, top);
    marks.push(h("rect", { class: "bar", x: 0, y: 24, width: width(0, at), height: 8 }));
    marks.push(
      h("svg", { x: x(at), y: 0, overflow: "visible" }, h("path", { class: "needle", d: "M-3 15 h6 v26 h-6 Z" })),
    );
  }
  return h(
    "svg",
    { class: `gauge${live ? "" : " stale"}`, height: 58, width: "100%", role: "img", "aria-label": spoken(told) },
    h("rect", { class: "scale", x: 0, y: 20, width: "100%", height: 16 }),
    marks,
  );
}

function spoken({ value, step, soft, hard }) {
  return [
    value === null ? t("gauge.no_value") : t("gauge.value", { value: local(plain(value)) }),
    step === null ? "" : `${t("gauge.ordered")} ${local(plain(step))}`,
    soft === null ? "" : `${t("limit.soft")} ${local(plain(soft))}`,
    hard === null ? "" : `${t("limit.hard")} ${local(plain(hard))}`,
  ]
    .filter(Boolean)
    .join(", ");
}
