/** What was, for drawing only: asked of the edge once, then carried on with what comes in. */

import { bedKey } from "./ward.js";

export const STEP_S = 10;
export const KEPT_S = 3600;
export const DOSE = "dose_rate_mg_per_kg_per_h";
export const NAMES = [DOSE, "heart_rate_per_min", "spo2_percent", "nibp_sys_mmhg"];
/** A value that is older than this was drawn when it came. */
const FRESH_S = STEP_S;

/** Where a value is kept: a dose by its pump channel, since two drugs share neither line nor scale (H-05). */
export const keyOf = (name, source) => (name === DOSE ? `${name}/${source}` : name);

/** The pump channels of a bed, "port.channel", by which a dose was told or is known. */
export function dosedAt(held) {
  return [...(held?.lines ?? [])].filter(([key, line]) => key.startsWith(`${DOSE}/`) && line.size).map(([key]) => key.slice(DOSE.length + 1));
}

export class Trends {
  /** @param {import("./past.js").Past} past @param {() => void} changed */
  constructor(past, changed, { names = NAMES, keptS = KEPT_S } = {}) {
    this.past = past;
    this.changed = changed;
    this.names = names;
    this.keptS = keptS;
    this.beds = new Map();
  }

  /** Forget everything: another stream began. */
  clear() {
    this.beds.clear();
  }

  of(bed) {
    return this.beds.get(bedKey(bed.edge, bed.bed)) ?? null;
  }

  /** Carry on with a snapshot. The clock of another run is another clock. */
  take(bed) {
    const { snapshot } = bed;
    if (!snapshot) return;
    const key = bedKey(bed.edge, bed.bed);
    let held = this.beds.get(key);
    if (held?.run !== snapshot.run) {
      held = { run: snapshot.run, lines: new Map(), last: 0, version: 0 };
      this.beds.set(key, held);
      this.fetch(bed, held);
    }
    const at = Math.floor(snapshot.at.mono_s / STEP_S);
    const told = (one, source) => {
      if (one.value === null || one.age_s === null || one.age_s > FRESH_S) return;
      const line = this.line(held, one.name, source);
      if (line) put(line, at, Number(one.value), Number(one.value));
    };
    for (const one of snapshot.vital_signs) told(one, one.source);
    for (const { port, channel, metrics } of snapshot.channels) for (const one of metrics) told(one, `${port}.${channel}`);
    if (at !== held.last) {
      held.last = at;
      held.version += 1;
      const oldest = at - this.keptS / STEP_S;
      for (const line of held.lines.values()) for (const n of line.keys()) if (n < oldest) line.delete(n);
    }
  }

  /** The line that a value belongs to, null for what is not drawn. */
  line(held, name, source) {
    if (!this.names.includes(name)) return null;
    const key = keyOf(name, source);
    if (!held.lines.has(key)) held.lines.set(key, new Map());
    return held.lines.get(key);
  }

  async fetch(bed, held) {
    const asked = { bed: bed.bed, what: "trend", metrics: this.names, from_ago_s: this.keptS };
    const messages = await this.past.ask(bed.edge, asked).catch(() => []);
    for (const message of messages) {
      if (message.run !== held.run) continue;
      for (const trend of message.trends) {
        const line = this.line(held, trend.name, trend.source);
        const first = Math.floor(trend.first_mono_s / STEP_S);
        if (!line) continue;
        trend.low.forEach((low, n) => {
          if (low !== null) put(line, first + n, Number(low), Number(trend.high[n]));
        });
      }
    }
    held.version += 1;
    this.changed();
  }
}

function put(line, at, low, high) {
  const known = line.get(at);
  if (known) {
    known[0] = Math.min(known[0], low);
    known[1] = Math.max(known[1], high);
  } else line.set(at, [low, high]);
}
