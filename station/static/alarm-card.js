/** An alarm as a card: how badly, who, since when, what to do, and the one button that takes it. */

import { actionOf, labelOf, lineOf, personOf, SIGN, wordsBeside } from "./alarm-text.js";
import { countdown, span, timeOf } from "./clock.js";
import { h } from "./dom.js";
import { revision } from "./receipt.js";
import { remedy } from "./remedy.js";
import { alarmKey } from "./ward.js";
import { local, t, told } from "./words.js";

/** Whether there is something left to take. */
export const takeable = (alarm) => alarm.signal !== "acknowledged" || alarm.acceptance === null;

export const targetOf = (edge, alarm) => `alarm/${alarmKey(edge, alarm.bed, alarm.key)}`;

/** The one button: "I go" and silence it, on the revision that is painted. */
export function takeButton(page, edge, alarm) {
  const target = targetOf(edge, alarm);
  if (page.acts.waits(target)) return h("button", { class: "take", disabled: true, key: "take" }, t("act.pending"));
  if (!takeable(alarm)) return null;
  const { bed, key, occurrence, rev } = alarm;
  const take = () => page.acts.ask("accept", edge, { bed, key, occurrence, rev, acknowledge: true }, { target });
  const text = t(alarm.signal === "latched" ? "act.seen" : "act.take");
  const label = `${text}: ${lineOf(page.ward, edge, alarm)}`;
  return h("button", { class: "take", on: { click: take }, "aria-label": label, disabled: page.moment.lost, key: "take" }, text);
}

/** What became of an act, in words. */
export function outcomeOf(page, target) {
  const outcome = page.acts.outcome(target);
  if (!outcome) return null;
  return h("p", { class: `outcome ${outcome.result}`, role: "status", key: "outcome" }, outcomeText(outcome));
}

/** "Done." with what was understood, or why not, in this screen's language. */
export function outcomeText(outcome) {
  if (outcome.result === "done") return [t("act.done"), outcome.said ? told(outcome.said) : "", outcome.durable === false ? t("act.not_durable") : ""].filter(Boolean).join(" ");
  return t(`act.${outcome.result}`, { reason: outcome.reason ? told(outcome.reason) : "" });
}

/** @param {Record<string, any>} page @param {Record<string, any>} item of standing.js */
export function card(page, item) {
  return item.kind === "edge" ? edgeCard(page, item) : ownCard(page, item);
}

function edgeCard(page, { edge, alarm, id, since }) {
  const quiet = alarm.signal === "acknowledged" ? " quiet" : alarm.signal === "latched" ? " latched" : "";
  const place = alarm.bed ? `#/bed/${edge}/${alarm.bed}` : null;
  const name = labelOf(page.ward, edge, alarm.bed);
  return h(
    "article",
    {
      class: `alarm ${alarm.priority}${quiet}`, key: id, "data-alarm": alarmKey(edge, alarm.bed, alarm.key),
      "data-rev": revision(alarm),
    },
    h("div", { class: "sign", "aria-label": t(`priority.${alarm.priority}`), role: "img" }, SIGN[alarm.priority]),
    h("div", { class: "what" },
      h("h3", null, place ? h("a", { href: place }, name) : name, h("span", { class: "since" }, sinceText(since, alarm))),
      h("p", { class: "line" }, lineOf(page.ward, edge, alarm, { label: false })),
      wordsBeside(alarm) ? h("p", { class: "words", lang: "en" }, local(alarm.text)) : null,
      alarm.now ? h("p", { class: "now" }, t("alarm.now", { text: lineOf(page.ward, edge, alarm, { label: false, said: alarm.now }) })) : null,
      h("p", { class: "action" }, actionOf(alarm)),
      notes(page, edge, alarm),
      remedy(page, edge, alarm),
      outcomeOf(page, targetOf(edge, alarm))),
    takeButton(page, edge, alarm),
  );
}

function sinceText(since, alarm) {
  return since === null ? t("since.time", { time: timeOf(alarm.onset) }) : t("since.span", { span: span(since) });
}

/** What else is so of an alarm. */
export function notesOf(page, edge, alarm) {
  const { moment, ward } = page;
  const found = [];
  const bed = ward.beds.get(`${edge}/${alarm.bed}`);
  if (bed ? moment.doubt(bed) : moment.lost) found.push(t("alarm.last_known"));
  if (alarm.signal === "latched") found.push(t("alarm.latched"));
  if (!alarm.verifiable) found.push(t("alarm.not_verifiable"));
  if (alarm.acceptance) found.push(t("alarm.accepted", { who: personOf(ward, alarm.acceptance.by) }));
  const silence = alarm.acknowledgement ?? alarm.silence;
  if (silence && !alarm.audible) {
    const left = moment.until(edge, silence.until_mono_s);
    const reason = t(alarm.acknowledgement ? "silence.acknowledged" : `silence.${alarm.silence.reason}`);
    found.push(left === null || left <= 0 ? reason : t("silence.left", { reason, left: countdown(left) }));
  }
  const level = alarm.delivery?.level ?? 1;
  if (level > 1 && !alarm.acceptance) found.push(t(`alarm.level${level}`));
  if (alarm.audience === "technician") found.push(t("alarm.technician"));
  if (!alarm.durable) found.push(t("act.not_durable"));
  return found;
}

function notes(page, edge, alarm) {
  const found = notesOf(page, edge, alarm);
  return found.length ? h("ul", { class: "notes" }, found.map((text) => h("li", null, text))) : null;
}

function ownCard(page, item) {
  const beds = item.alarm?.beds ?? [];
  const silence = () => page.silenceOwn(item);
  return h(
    "article",
    { class: `alarm ${item.priority}${item.sounding ? "" : " quiet"}`, key: item.id },
    h("div", { class: "sign", "aria-label": t(`priority.${item.priority}`), role: "img" }, SIGN[item.priority]),
    h("div", { class: "what" },
      h("h3", null, t(`own.${item.key}.title`), h("span", { class: "since" }, t("since.span", { span: span(item.since) }))),
      item.alarm ? h("p", { class: "line" }, t("own.edges", { edges: item.alarm.edges.join(", ") })) : null,
      beds.length ? h("p", { class: "line" }, t("own.beds", { beds: beds.map((one) => one.label).join(", ") })) : null,
      h("p", { class: "action" }, t(`own.${item.key}.action`)),
      item.silenced > 0 ? h("p", { class: "notes" }, t("silence.left", { reason: t("silence.audio_pause"), left: countdown(item.silenced) })) : null,
      outcomeOf(page, item.id)),
    item.sounding ? h("button", { class: "take", on: { click: silence }, key: "take" }, t("act.silence")) : null,
  );
}
