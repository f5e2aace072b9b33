/**
 * Whether what stands is also seen: so many alarms a tile as it has room for, and what lies beyond the edge of the screen.
 * On a wall nobody scrolls: what does not fit is counted aloud, by its priority (H-20).
 */

import { SIGN } from "./alarm-text.js";
import { h } from "./dom.js";
import { alarmKey, bedKey, rank } from "./ward.js";
import { t } from "./words.js";

/** More alarms of one bed than a tile is given; all are in the list beside. */
const LINES_MAX = 4;
/** So often a tile is laid out anew until it fits: fewer pumps, fewer words, without each alarm but one, cut, and looked at. */
export const TRIES = LINES_MAX + 8;
/** Of a tile so much is seen before its bed counts as seen: name, alarms and dose stand above it. */
const SEEN = 0.6;
const HEAD = 0.2;
/** Browsers round heights. */
const ROUND_PX = 2;

export class Fit {
  constructor() {
    this.lines = new Map();
    this.room = "";
    this.beyond = { above: null, below: null, cards: null };
  }

  /**
   * How many alarms of a bed its tile shows, whether in few words, how many lines the only one has, 0 for all, and how
   * many of its pumps are shown.
   * `beside` is what else takes their room.
   */
  of(bed, alarms, beside, pumps) {
    const mark = [this.room, beside, pumps, document.documentElement.lang, ...alarms.map((one) => `${one.alarm.key}/${one.alarm.rev}`)].join("|");
    const known = this.lines.get(bedKey(bed.edge, bed.bed));
    if (known?.mark === mark) return known;
    const found = { mark, most: Math.min(LINES_MAX, alarms.length), short: false, clamp: 0, pumps };
    this.lines.set(bedKey(bed.edge, bed.bed), found);
    return found;
  }

  /** Look at what was painted; whether it must be painted anew. */
  measure(page) {
    const tiles = document.querySelector(".tiles");
    const room = `${tiles?.clientWidth} ${tiles?.clientHeight}`;
    let changed = room !== this.room;
    this.room = room;
    if (!changed) for (const tile of document.querySelectorAll(".tile")) changed = this.lessen(tile) || changed;
    const beyond = { ...bedsBeyond(page), cards: cardsBeyond(page) };
    if (JSON.stringify(beyond) !== JSON.stringify(this.beyond)) changed = true;
    this.beyond = beyond;
    return changed;
  }

  lessen(tile) {
    const found = this.lines.get(tile.dataset.bed);
    const list = tile.querySelector(".alarms");
    const over = tile.scrollHeight - tile.clientHeight;
    if (!found) return false;
    if (over > ROUND_PX && found.pumps > 1) {
      const each = tile.querySelector(".channels").offsetHeight / found.pumps;
      found.pumps = Math.max(1, found.pumps - Math.ceil(over / each));
      return true;
    }
    return list !== null && list.scrollHeight > list.clientHeight + ROUND_PX && fewer(found, list);
  }
}

/** Fewer words, then fewer alarms; the last one is cut with a sign that it was. */
function fewer(found, list) {
  if (!found.short) found.short = true;
  else if (found.most > 1) found.most -= 1;
  else {
    const height = parseFloat(getComputedStyle(list.querySelector(".line")).lineHeight);
    const clamp = Math.max(1, Math.floor((list.clientHeight - ROUND_PX) / height));
    if (clamp === found.clamp) return false;
    found.clamp = clamp;
  }
  return true;
}

function bedsBeyond(page) {
  const tiles = document.querySelector(".tiles");
  if (!tiles) return { above: null, below: null };
  const own = scrolls(tiles);
  const bar = document.querySelector(".beyond")?.offsetHeight ?? 0;
  const over = own ? tiles.scrollHeight > tiles.clientHeight + bar + ROUND_PX : document.documentElement.scrollHeight > innerHeight + ROUND_PX;
  if (!over) return { above: null, below: null };
  const box = tiles.getBoundingClientRect();
  const top = own ? box.top : 0;
  const bottom = own ? box.bottom : innerHeight - bar;
  const found = { above: [], below: [] };
  for (const node of tiles.querySelectorAll(".tile")) {
    const { top: head, height } = node.getBoundingClientRect();
    if (head + height * SEEN > bottom) found.below.push(node.dataset.bed);
    else if (head + height * HEAD < top) found.above.push(node.dataset.bed);
  }
  return { above: told(page, found.above), below: told(page, found.below) };
}

/** What is to be said of beds that are not seen: how many, how many of them with alarms, and the worst of these. */
function told({ ward, moment }, keys) {
  if (!keys.length) return null;
  const beds = keys.map((key) => ward.beds.get(key)).filter(Boolean);
  const alarms = beds.map((bed) => ward.alarmsOf(bed.edge, bed.bed));
  const all = alarms.flat().map((one) => one.alarm);
  return {
    count: keys.length, alarmed: alarms.filter((list) => list.length).length, unknown: beds.filter((bed) => moment.doubt(bed)).length, ...worst(all),
    first: keys.find((_, n) => alarms[n]?.some((one) => one.alarm.priority === worst(all).priority)) ?? keys[0],
  };
}

function worst(alarms) {
  const open = alarms.filter((alarm) => alarm.signal !== "acknowledged");
  const from = open.length ? open : alarms;
  const priority = from.length ? from.reduce((a, b) => (rank(b.priority) < rank(a.priority) ? b : a)).priority : null;
  return { priority, quiet: !open.length };
}

function cardsBeyond({ items }) {
  const list = document.querySelector(".cards");
  if (!list || !scrolls(list)) return null;
  const { bottom } = list.getBoundingClientRect();
  const over = [...list.children].filter((node) => node.getBoundingClientRect().bottom > bottom + ROUND_PX);
  const keys = new Set(over.map((node) => node.dataset.alarm));
  const alarms = items.filter((item) => item.kind === "edge" && keys.has(alarmKey(item.edge, item.alarm.bed, item.alarm.key)));
  return over.length ? { count: over.length, ...worst(alarms.map((item) => item.alarm)) } : null;
}

const scrolls = (node) => getComputedStyle(node).overflowY === "auto";

/** The beds above and below the edge, in words, coloured by the worst of them; a tap goes there. */
export function beyondBar(page) {
  const parts = ["above", "below"].map((side) => [side, page.fit.beyond[side]]).filter(([, one]) => one);
  if (!parts.length) return null;
  return h("div", { class: "beyond", key: "beyond", role: "status" }, parts.map(([side, one]) => {
    const kind = one.priority ? `${one.priority}${one.quiet ? " quiet" : ""}` : one.unknown ? "unsure" : "calm";
    const go = () => document.querySelector(`.tile[data-bed="${CSS.escape(one.first)}"]`)?.scrollIntoView({ block: "center" });
    return h("button", { class: `notice ${kind}`, key: side, on: { click: go } },
      h("span", { "aria-hidden": "true" }, side === "above" ? "▲" : "▼"),
      one.priority ? h("span", { class: "sign", "aria-hidden": "true" }, SIGN[one.priority]) : null,
      h("span", null, [
        t(`beyond.${side}${one.count === 1 ? ".one" : ""}`, { count: one.count }),
        t(one.alarmed ? "beyond.alarmed" : "beyond.none", { count: one.alarmed }),
        one.unknown ? t("verdict.and_unknown", { count: one.unknown }) : "",
      ].filter(Boolean).join(" ")));
  }));
}

/** The alarms for which the list has no room. */
export function cardsBar({ fit }) {
  const one = fit.beyond.cards;
  if (!one) return null;
  return h("p", { class: `notice ${one.priority ?? "unsure"}${one.quiet ? " quiet" : ""}`, key: "beyond" },
    h("span", { "aria-hidden": "true" }, "▼"), one.priority ? h("span", { class: "sign", "aria-hidden": "true" }, SIGN[one.priority]) : null,
    h("span", null, t("alarm.more", { count: one.count })));
}
