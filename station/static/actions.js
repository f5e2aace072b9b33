/** What a nurse can do at a bed. "Choking" and "all is well" take one tap; what changes a therapy opens a question. */

import { outcomeOf } from "./alarm-card.js";
import { titleOf } from "./alarm-text.js";
import { h } from "./dom.js";
import { orderFacts } from "./therapy.js";
import { fact } from "./why.js";
import { t, told } from "./words.js";

const OFF_MONITOR_S = 900;
const PAUSE_S = 120;
/** The phases in which a baseline can be taken. */
const AHEAD = new Set(["setup", "baseline"]);

export const bedTarget = (bed) => `bed/${bed.edge}/${bed.bed}`;

/** Ask something about the patient who is on the screen. */
export function about(page, bed, therapy, verb, fields = {}, more = {}) {
  const target = more.target ?? bedTarget(bed);
  return page.acts.ask(verb, bed.edge, { bed: bed.bed, case: therapy.patient.case, ...fields }, { ...more, target });
}

export const choke = (page, bed, therapy) => about(page, bed, therapy, "observe", { airway: "choking" });
export const allWell = (page, bed, therapy) => about(page, bed, therapy, "observe", { all_well: true });

/** "Choking", wherever the bed is shown. */
export function chokingButton(page, bed, therapy) {
  if (!therapy?.patient || page.moment.lost) return null;
  const label = `${t("act.choking")}: ${bed.label ?? bed.bed}`;
  return h("button", { class: "choking", key: "choking", "aria-label": label, disabled: page.acts.waits(bedTarget(bed)), on: { click: () => choke(page, bed, therapy) } }, t("act.choking"));
}

/** "All is well", where a round is due. */
export function allWellButton(page, bed, therapy) {
  if (!therapy?.patient || page.moment.lost) return null;
  const label = `${t("act.all_well")}: ${bed.label ?? bed.bed}`;
  return h("button", { class: "all-well", key: "all-well", "aria-label": label, disabled: page.acts.waits(bedTarget(bed)), on: { click: () => allWell(page, bed, therapy) } }, t("act.all_well"));
}

export function actions(page, bed, therapy) {
  const { acts, moment } = page;
  if (moment.lost) return null;
  const target = bedTarget(bed);
  const waits = acts.waits(target);
  const place = { edge: bed.edge, bed: bed.bed };
  const pauses = moment.pauses(bed);
  const sounding = page.ward.alarmsOf(bed.edge, bed.bed).some((one) => one.alarm.audible);
  const ask = (verb, fields) => () => acts.ask(verb, bed.edge, { bed: bed.bed, ...fields }, { target });
  const button = (key, press, more = {}) => h("button", { key, disabled: waits, on: { click: press }, ...more }, t(`act.${key}`));
  const patient = Boolean(therapy?.patient);
  const runs = therapy?.phase === "infusing" || therapy?.phase === "stopped";
  return h(
    "div",
    { class: "actions", role: "group", "aria-label": t("act.title"), key: "actions" },
    chokingButton(page, bed, therapy),
    allWellButton(page, bed, therapy),
    patient ? button("round", () => page.open("observe", { ...place, found: {} })) : null,
    patient && AHEAD.has(therapy.phase) ? button("baseline", () => page.open("baseline", place)) : null,
    sounding ? button("silence", ask("audio-pause", { duration_s: PAUSE_S })) : null,
    button("off_monitor", ask("off-monitor", { duration_s: OFF_MONITOR_S })),
    pauses.length ? button("resume", ask("resume", {})) : null,
    button(patient ? (therapy.orders.length ? "change_order" : "order") : "start", () => page.open("order", { ...place, typed: {}, step: "enter" })),
    patient ? button("dose", () => page.open("dose", place)) : null,
    patient ? button("line", () => page.open("line", place)) : null,
    runs ? button("end_infusion", () => page.open("ask", { ...place, verb: "end-infusion" })) : null,
    patient ? button("close", () => page.open("ask", { ...place, verb: "close" })) : null,
    h("a", { class: "button", key: "report", href: `#/bed/${bed.edge}/${bed.bed}/report` }, t("report.title")),
    waits ? h("span", { class: "pending", role: "status", key: "pending" }, t("act.pending")) : null,
  );
}

/** A syringe that was changed: one tap says that it holds what is ordered. */
export function syringes(page, bed, therapy) {
  const changed = (therapy?.orders ?? []).filter((order) => order.syringe_changed);
  if (!therapy?.patient || !changed.length) return null;
  return h("section", { class: "awaiting", key: "syringes" }, changed.map((order) => {
    const target = `${bedTarget(bed)}/syringe/${order.port}.${order.channel}`;
    const named = { port: order.port, channel: order.channel, rev: order.rev };
    return h("article", { key: `${order.port}.${order.channel}` },
      h("h2", null, t("syringe.title")),
      h("dl", { class: "facts large" }, orderFacts(page, order).slice(0, 2).map(([name, value]) => fact(name, value))),
      h("p", { class: "hint" }, t("syringe.hint")),
      h("div", { class: "actions" },
        h("button", { class: "go", disabled: page.moment.lost || page.acts.waits(target), on: { click: () => about(page, bed, therapy, "confirm-syringe", named, { target }) } }, t("act.same_syringe"))),
      outcomeOf(page, target));
  }));
}

/** An order that waits for another person, read back large. */
export function awaiting(page, bed, therapy) {
  if (!therapy?.awaiting?.length) return null;
  return h("section", { class: "awaiting", key: "awaiting" }, therapy.awaiting.map((one) => {
    const { order } = one;
    const target = `${bedTarget(bed)}/${order.rev}`;
    const named = { port: order.port, channel: order.channel, rev: order.rev };
    const mine = page.ward.session?.user === one.user;
    return h("article", { key: String(order.rev) },
      h("h2", null, t("await.title")),
      h("dl", { class: "facts large" }, orderFacts(page, order).map(([name, value]) => fact(name, value))),
      one.passed.length ? h("p", { class: "outcome refused" }, t("await.passed", { limits: one.passed.map((name) => titleOf({ condition: name })).join(", ") })) : null,
      (one.advisories ?? []).map((text) => h("p", { class: "outcome warning" }, t("await.read", { text: told(text) }))),
      mine ? h("p", { class: "hint" }, t("await.another")) : null,
      h("div", { class: "actions" },
        one.passed.length
          ? h("button", { on: { click: () => page.open("ask", { edge: bed.edge, bed: bed.bed, verb: "override", named }) } }, t("act.override"))
          : h("button", { class: "go", disabled: page.acts.waits(target), on: { click: () => (mine ? page.open("login", { user: null, pin: "", then: () => confirm() }) : confirm()) } }, t("act.confirm")),
        h("button", { on: { click: () => about(page, bed, therapy, "withdraw", named, { target }) } }, t("act.withdraw"))),
      outcomeOf(page, target));

    function confirm() {
      return about(page, bed, therapy, "confirm", named, { target });
    }
  }));
}
