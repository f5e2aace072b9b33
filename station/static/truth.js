/** Whether this screen tells the truth, in words: its link, its sound, whether it stood still or was hidden, its clock. */

import { span, timeOfDay } from "./clock.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** The page looks at its own clock each second; a gap of so long was a stall. */
const STALL_S = 5;
/** How long it is said that the page stood still or was hidden. */
const TOLD_S = 60;
/** Clocks of people and machines further apart than this confuse who compares times. */
const CLOCKS_APART_S = 60;

export class Truth {
  constructor() {
    this.tickedAt = null;
    this.stalled = null;
    this.hiddenAt = null;
    this.hidden = null;
  }

  /** To be called at the start, and then every second. @param {number} hereS */
  tick(hereS, visible) {
    if (this.tickedAt !== null && visible && hereS - this.tickedAt > STALL_S) {
      this.stalled = { at: hereS, span: hereS - this.tickedAt };
    }
    this.tickedAt = hereS;
    for (const name of ["stalled", "hidden"]) if (this[name] && hereS - this[name].at > TOLD_S) this[name] = null;
  }

  /** The tab went out of sight, or came back. */
  visibility(visible, hereS) {
    if (!visible) this.hiddenAt = { at: hereS, date: new Date() };
    else if (this.hiddenAt) {
      this.hidden = { at: hereS, from: this.hiddenAt.date, span: hereS - this.hiddenAt.at };
      this.hiddenAt = null;
      this.tickedAt = hereS;
    }
  }
}

/** How far this computer's clock is from the edges', null if that is not known or within bounds. */
export function clockApart(ward, moment) {
  for (const edge of ward.edges.values()) {
    const { status, heard_at_s: heard } = edge;
    if (!status?.synchronised || edge.state !== "running" || moment.serverS === null || heard === null) continue;
    const then = Date.parse(status.wall) / 1000 + (moment.serverS - heard);
    const apart = Math.abs(Date.now() / 1000 - then);
    if (apart > CLOCKS_APART_S) return { edge: edge.edge, apart };
  }
  return null;
}

/** @param {Record<string, any>} page */
export function banners(page) {
  const { feed, ward, moment, sound, truth } = page;
  const found = [];
  const say = (key, kind, text, press = null) =>
    found.push(press
      ? h("button", { class: `banner ${kind}`, key, on: { click: press } }, text)
      : h("p", { class: `banner ${kind}`, key, role: "alert" }, text));
  if (moment.lost) {
    const since = feed.lostAt ? timeOfDay(feed.lostAt, true) : "";
    say("lost", "high", ward.hello ? t("banner.lost", { time: since, span: span(feed.silence()) }) : t("banner.never"));
  } else if (!ward.ready) say("ready", "plain", t("ward.waiting"));
  if (!moment.lost && ward.broker === false) say("broker", "high", t("banner.broker"));
  if (!sound.works() && page.settled) say("sound", "sound", t(sound.context?.state === "running" ? "banner.no_device" : "banner.no_sound"), () => page.allowSound());
  if (truth.stalled) say("stalled", "medium", t("banner.stalled", { span: span(truth.stalled.span) }));
  if (truth.hidden) say("hidden", "medium", t("banner.hidden", { time: timeOfDay(truth.hidden.from), span: span(truth.hidden.span) }));
  const apart = clockApart(ward, moment);
  if (apart) say("clock", "plain", t("banner.clock", { edge: apart.edge, span: span(apart.apart) }));
  const doubtful = [...ward.edges.values()].filter((edge) => edge.status && !edge.status.synchronised);
  if (doubtful.length) say("unsynchronised", "small", t("banner.unsynchronised", { edges: doubtful.map((edge) => edge.edge).join(", ") }));
  return found;
}
