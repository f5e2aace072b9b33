/** What was, for drawing only: asked of the edge once, then carried on with what comes in. */

import { bedKey } from "./ward.js";

export const STEP_S = 10;
export const KEPT_S = 3600;
export const NAMES = ["dose_rate_mg_per_kg_per_h", "heart_rate_per_min", "spo2_percent", "nibp_sys_mmhg"];
/** A value that is older than this was drawn when it came. */
const FRESH_S = STEP_S;

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
      held = { run: snapshot.run, lines: new Map(this.names.map((name) => [name, new Map()])), last: 0, version: 0 };
      this.beds.set(key, held);
      this.fetch(bed, held);
    }
    const at = Math.floor(snapshot.at.mono_s / STEP_S);
    for (const one of [...snapshot.vital_signs, ...snapshot.channels.flatMap((channel) => channel.metrics)]) {
      if (one.value === null || one.age_s === null || one.age_s > FRESH_S || !held.lines.has(one.name)) continue;
      put(held.lines.get(one.name), at, Number(one.value), Number(one.value));
    }
    if (at !== held.last) {
      held.last = at;
      held.version += 1;
      const oldest = at - this.keptS / STEP_S;
      for (const line of held.lines.values()) for (const n of line.keys()) if (n < oldest) line.delete(n);
    }
  }

  async fetch(bed, held) {
    const asked = { bed: bed.bed, what: "trend", metrics: this.names, from_ago_s: this.keptS };
    const messages = await this.past.ask(bed.edge, asked).catch(() => []);
    for (const message of messages) {
      if (message.run !== held.run) continue;
      for (const trend of message.trends) {
        const line = held.lines.get(trend.name);
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
