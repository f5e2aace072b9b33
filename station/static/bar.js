/** The head of the page: the verdict that is read from afar, whether it is live, and the few things of this screen. */

import { labelOf, SIGN } from "./alarm-text.js";
import { timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { unknownBeds } from "./overview.js";
import { lang, t } from "./words.js";

/** So many beds have room in the verdict. */
const NAMED = 3;

export function bar(page) {
  const { ward, moment, route } = page;
  return h(
    "header",
    { class: "bar", key: "bar" },
    h("div", { class: "name" },
      h(route.name === "ward" ? "h1" : "p", { class: "ward-name" }, h("a", { href: "#/" }, ward.hello?.config.label ?? t("app.name"))),
      truth(page)),
    verdict(page),
    h("nav", { "aria-label": t("nav.title") },
      route.name === "ward"
        ? h("div", { class: "choice", role: "group", "aria-label": t("order.title") }, ["bed", "urgency"].map((order) =>
            h("button", { "aria-pressed": String(page.order === order), on: { click: () => page.setOrder(order) } }, t(`order.${order}`))))
        : h("a", { class: "button", href: "#/" }, t("nav.ward")),
      h("button", { class: `sound-test${page.sound.works() ? "" : " broken"}`, on: { click: () => page.testSound() } },
        page.testing ? t(`sound.testing.${page.testing}`) : t(page.sound.works() ? "sound.test" : "sound.off")),
      h("div", { class: "choice", role: "group", "aria-label": t("language.title") }, ["en", "nb"].map((name) =>
        h("button", { "aria-pressed": String(lang() === name), lang: name, on: { click: () => page.setLanguage(name) } }, name === "en" ? "English" : "Norsk"))),
      h("button", { on: { click: () => page.setTheme() }, "aria-label": t("theme.switch") }, page.theme === "dark" ? "☀" : "☾"),
      person(page)),
    h("time", { class: "clock" }, timeOfDay(new Date(), true)),
  );
}

function truth(page) {
  const { moment, ward } = page;
  const state = moment.lost ? "lost" : ward.broker === false ? "broker" : ward.ready ? "live" : "waiting";
  return h("span", { class: `truth ${state}` }, t(`truth.${state}`));
}

/** Is anyone in trouble, in one line. */
export function verdict(page) {
  const { items, moment, ward } = page;
  const open = items.filter((item) => item.kind !== "edge" || item.alarm.signal !== "acknowledged");
  const worst = (open[0] ?? items[0])?.priority;
  const unknown = unknownBeds(page).length;
  let text = t("verdict.none");
  let kind = "well";
  if (items.length) {
    kind = open.length ? worst : `${worst} quiet`;
    text = t(items.length === 1 ? "verdict.one" : "verdict.many", { count: items.length });
    if (open.length < items.length) text += ` · ${t("verdict.taken", { count: items.length - open.length })}`;
  } else if (moment.lost || unknown || !ward.ready || !ward.beds.size) {
    kind = "unknown";
    text = t("verdict.unknown");
  }
  return h("div", { class: `verdict ${kind}`, role: "status" },
    items.length ? h("span", { class: "sign", "aria-hidden": "true" }, SIGN[worst]) : null,
    who(page, open),
    h("span", { class: "count" }, text, items.length && unknown ? [" ", h("span", { class: "and" }, t("verdict.and_unknown", { count: unknown }))] : null));
}

/** Who is in trouble: the beds of the alarms that nobody has taken, the most urgent first. */
function who({ ward }, open) {
  const beds = [...new Set(open.filter((item) => item.kind === "edge" && item.alarm.bed).map((item) => labelOf(ward, item.edge, item.alarm.bed)))];
  if (!beds.length) return null;
  return h("b", { class: "who" }, beds.slice(0, NAMED).join(", ") + (beds.length > NAMED ? ` +${beds.length - NAMED}` : ""));
}

function person(page) {
  const session = page.ward.session;
  if (!page.ward.hello?.config.users.length) return null;
  if (!session) return h("button", { class: "person", on: { click: () => page.open("login") } }, t("login.title"));
  return h("button", { class: "person in", on: { click: () => page.logout() } }, t("login.out", { name: session.name }));
}
