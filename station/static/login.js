/** Who acts: a name tile and a PIN. What silences an alarm never waits for it. */

import { h } from "./dom.js";
import { panel } from "./panel.js";
import { timeOfDay } from "./clock.js";
import { t, told as said } from "./words.js";

const PIN_MAX = 12;

/** @param {Record<string, any>} page; its panel: {user, pin, error, busy, then} */
export function login(page) {
  const { panel: state, ward } = page;
  const users = ward.hello?.config.users ?? [];
  const known = users.find((one) => one.user === state.user);
  return panel(
    page,
    known ? t("login.pin", { name: known.name }) : t("login.who"),
    known
      ? pinPad(page, known)
      : h("div", { class: "people" }, users.map((one) =>
          h("button", { key: one.user, on: { click: () => page.setPanel({ user: one.user, pin: "", error: "" }) } }, h("b", null, one.name), h("span", null, t(`role.${one.role}`))))),
    h("p", { class: "hint" }, t("login.hint")),
  );
}

function pinPad(page, known) {
  const { panel: state } = page;
  const press = (digit) => page.setPanel({ pin: (state.pin + digit).slice(0, PIN_MAX), error: "" });
  const enter = () => send(page, known);
  return h(
    "form",
    { class: "pin", on: { submit: (event) => (event.preventDefault(), enter()) } },
    h("input", {
      type: "password", inputmode: "numeric", autocomplete: "off", maxlength: PIN_MAX, "aria-label": t("login.pin_field"),
      value: state.pin, "data-first": true, on: { input: (event) => page.setPanel({ pin: event.target.value.replace(/\D/g, ""), error: "" }) },
    }),
    h("div", { class: "pad" },
      [..."123456789"].map((digit) => h("button", { type: "button", key: digit, on: { click: () => press(digit) } }, digit)),
      h("button", { type: "button", key: "back", "aria-label": t("login.erase"), on: { click: () => page.setPanel({ pin: state.pin.slice(0, -1) }) } }, "⌫"),
      h("button", { type: "button", key: "0", on: { click: () => press("0") } }, "0"),
      h("button", { type: "submit", class: "go", key: "go", disabled: state.busy || state.pin.length < 4 }, t("login.go"))),
    state.error ? h("p", { class: "outcome refused", role: "alert" }, state.error) : null,
    h("button", { type: "button", class: "plain", on: { click: () => page.setPanel({ user: null, pin: "", error: "", busy: false }) } }, t("login.other")),
  );
}

async function send(page, known) {
  const { panel: state } = page;
  // An answer is for the act and the person that it was asked for, never for what was opened meanwhile.
  const gone = () => page.panel !== state || state.user !== known.user;
  page.setPanel({ busy: true, error: "" });
  try {
    const { status, told } = await page.acts.post("/login", { user: known.user, pin: state.pin });
    if (gone()) return;
    if (status === 200) {
      page.ward.session = told.session;
      page.close({ goOn: true });
      state.then?.();
      return;
    }
    page.setPanel({ busy: false, pin: "", error: refusal(page, told) });
  } catch {
    if (!gone()) page.setPanel({ busy: false, error: t("act.unsent") });
  }
}

function refusal(page, told) {
  if (told.error === "pin") return t("login.wrong", { left: told.left });
  if (told.error === "locked" || told.error === "too_many") {
    const left = told.until_s === null || told.until_s === undefined || page.moment.serverS === null ? 0 : told.until_s - page.moment.serverS;
    return t("login.locked", { time: timeOfDay(new Date(Date.now() + left * 1000)) });
  }
  return told.message ? said(told.message) : t("act.unsent");
}
