/** Everything that stands on this screen: the edges' alarms, the station's, and the page's own; the most urgent first. */

import { alarmKey, rank } from "./ward.js";

/** How long the sound of the page's own alarm is silenced. */
const SILENCE_S = 120;

/** What the page alarms by itself: nobody else can know that it hears nothing. */
export class OwnAlarms {
  constructor() {
    this.lostSince = null;
    this.silencedUntil = -Infinity;
  }

  /** @param {boolean} lost @param {number} hereS */
  judge(lost, hereS) {
    if (!lost) {
      this.lostSince = null;
      this.silencedUntil = -Infinity;
    } else this.lostSince ??= hereS;
  }

  silence(hereS) {
    this.silencedUntil = hereS + SILENCE_S;
  }

  list(hereS) {
    if (this.lostSince === null) return [];
    const left = this.silencedUntil - hereS;
    return [{
      id: "page/PAGE_LOST", kind: "page", key: "PAGE_LOST", priority: "high", sounding: left <= 0,
      since: hereS - this.lostSince, silenced: Math.max(0, left),
    }];
  }
}

/**
 * @param {import("./ward.js").Moment} moment
 * @returns {Array<Record<string, any>>}
 */
export function standing(moment, own, hereS) {
  const { ward } = moment;
  const found = own.list(hereS);
  for (const alarm of ward.own.values()) {
    const silenced = alarm.silenced_until_s === null ? 0 : Math.max(0, alarm.silenced_until_s - (moment.serverS ?? 0));
    found.push({
      id: `station/${alarm.key}`, kind: "station", key: alarm.key, priority: alarm.priority,
      sounding: alarm.audible, since: Math.max(0, (moment.serverS ?? 0) - alarm.since_s), silenced, alarm,
    });
  }
  for (const { edge, alarm } of ward.allAlarms()) {
    found.push({
      id: `edge/${alarmKey(edge, alarm.bed, alarm.key)}`, kind: "edge", key: alarm.key, edge, priority: alarm.priority,
      sounding: alarm.audible, since: moment.stands(edge, alarm), alarm,
    });
  }
  // A stable sort: within a priority the page's own and the station's stand first, since they put all others in doubt.
  return found.sort((a, b) => rank(a.priority) - rank(b.priority));
}

/** The priority that is to be heard, null for silence. */
export function heard(items) {
  const sounding = items.filter((item) => item.sounding);
  return sounding.length ? sounding.reduce((a, b) => (rank(b.priority) < rank(a.priority) ? b : a)).priority : null;
}

/** What makes the sound begin anew: something that was not there, or a worse one, or one that sounds again. */
export function noise(items) {
  return items.filter((item) => item.sounding).map((item) => `${item.id}/${item.priority}/${item.alarm?.occurrence ?? ""}`);
}
