/** A number as a person types it, and as it is understood: large, with its unit. */

import { h } from "./dom.js";
import { typed } from "./number.js";
import { local, t, unit } from "./words.js";

/**
 * @param {{name: string, id?: string, text: string, unit: string, change: (text: string) => void, first?: boolean, optional?: boolean, hint?: string}} told
 */
export function entry({ name, id: own = name, text, unit: of, change, first = false, optional = false, hint = "" }) {
  const read = typed(text);
  const empty = read.error === "empty";
  const wrong = read.error && !(empty && (optional || !text));
  const id = `entry-${own.replace(/\W+/g, "-")}`;
  return h(
    "div",
    { class: `entry${wrong ? " wrong" : ""}`, key: own },
    h("label", { for: id }, t(name), optional ? h("small", null, ` ${t("entry.optional")}`) : null),
    h("div", { class: "typed" },
      h("input", {
        id, inputmode: "decimal", autocomplete: "off", maxlength: 12, value: text, "data-first": first, "aria-invalid": wrong ? "true" : null,
        on: { input: (event) => change(event.target.value) },
      }),
      h("span", { class: "unit" }, unit(of))),
    wrong
      ? h("p", { class: "error", role: "alert" }, t(`entry.${read.error}`))
      : h("p", { class: "read", "aria-live": "polite" }, empty ? hint : `${local(read.value)} ${unit(of)}`),
  );
}

/** What a request carries: "70 kg"; null for nothing. */
export function quantity(text, of) {
  const read = typed(text ?? "");
  return read.error ? null : `${read.value} ${of}`;
}

export const wrong = (text, { optional = false } = {}) => {
  const read = typed(text ?? "");
  return Boolean(read.error) && !(optional && read.error === "empty");
};
