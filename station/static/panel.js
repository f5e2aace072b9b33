/**
 * What opens over the beds: a form or a question. It never covers the list of alarms, and never keeps anybody from
 * taking one. Escape closes it.
 */

import { h } from "./dom.js";
import { t } from "./words.js";

/** @param {Record<string, any>} page @param {string} title */
export function panel(page, title, ...kids) {
  return h(
    "section",
    { class: "panel", role: "dialog", "aria-label": title, key: `panel-${page.panel.kind}`, tabindex: -1 },
    h("div", { class: "panel-head" }, h("h2", null, title), h("button", { class: "close", "aria-label": t("panel.close"), on: { click: () => page.close() } }, "✕")),
    h("div", { class: "panel-body" }, kids),
  );
}

/** Buttons of which one is chosen. */
export function choice(name, options, chosen, choose, { label = (one) => one, describe = null } = {}) {
  return h(
    "fieldset",
    { class: "options" },
    h("legend", null, name, describe ? h("small", null, describe) : null),
    h("div", null, options.map((one) =>
      h("button", { type: "button", key: String(one), "aria-pressed": String(one === chosen), on: { click: () => choose(one) } }, label(one)))),
  );
}
