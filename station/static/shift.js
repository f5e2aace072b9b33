/** The history of a bed's shift: asked of the edge's journal, over its restarts too. */

import { personOf, titleOf } from "./alarm-text.js";
import { timeOf, span } from "./clock.js";
import { h } from "./dom.js";
import { has, t, told } from "./words.js";

/** A long shift. */
const SHIFT_S = 12 * 3600;
/** Of 100 rows each: a shift with more is read at the bedside computer. */
const PAGES = 5;
/** What is new stands there after so long. */
const AGAIN_S = 30;

export class Shift {
  constructor(page) {
    this.page = page;
    this.rows = null;
    this.error = "";
    this.askedAt = -Infinity;
    this.asking = false;
  }

  /** Ask again, if what was asked is old. */
  async take(bed) {
    const now = performance.now() / 1000;
    if (this.asking || now - this.askedAt < AGAIN_S) return;
    this.asking = true;
    this.askedAt = now;
    try {
      const messages = await this.page.past.ask(bed.edge, { bed: bed.bed, what: "events", from_ago_s: SHIFT_S }, { most: PAGES });
      this.rows = messages.flatMap((message) => message.events.map((row) => ({ ...row, told: message.at })));
      this.error = "";
    } catch (error) {
      this.error = error.message;
    }
    this.asking = false;
    this.page.changed();
  }

  /** What happened, for the chart: by the edge's clock. Rows of another run are placed by their age. */
  marks(page, bed, therapy) {
    const found = [];
    for (const row of this.rows ?? []) {
      if (row.age_s === null) continue;
      const mono = row.told.mono_s - row.age_s;
      if (row.kind === "alarm" && row.body.phase === "start") found.push({ mono, kind: "alarm", priority: row.body.priority, text: textOf(page, row) });
      else if (row.kind === "request" && ACTS.has(row.body.verb) && row.body.result === "done") found.push({ mono, kind: "act", text: textOf(page, row) });
    }
    for (const one of therapy?.rounds ?? []) {
      const ago = page.moment.ago(bed.edge, one.at);
      if (ago !== null) found.push({ mono: one.at.mono_s, kind: "round", text: `${t("round.title")} ${timeOf(one.at)}` });
    }
    return found;
  }
}

const ACTS = new Set(["order", "confirm", "step", "override", "start-patient", "end-infusion", "close", "manual-dose", "limits", "withdraw", "confirm-syringe", "settle-dose"]);

/** A row in words; what this page does not know keeps the edge's own. */
export function textOf(page, row) {
  const { body, kind } = row;
  if (kind === "alarm") {
    const phase = has(`event.${body.phase}`) ? t(`event.${body.phase}`) : body.phase;
    const name = titleOf({ condition: (body.key ?? "").split(".")[0] });
    return `${phase}: ${name}${body.text ? ` – ${told(body.text)}` : ""}`;
  }
  if (kind === "request") {
    const verb = has(`verb.${body.verb}`) ? t(`verb.${body.verb}`) : body.verb;
    const who = personOf(page.ward, body.by ?? (body.user ? `${body.station ?? ""}:${body.user}` : ""));
    const result = body.result === "refused" ? ` – ${t("act.refused", { reason: told(body.reason ?? "") })}` : "";
    return `${verb}${who ? ` (${who})` : ""}${result}`;
  }
  return `${kind}: ${Object.entries(body).map(([name, value]) => `${name} ${value}`).join(", ")}`.slice(0, 200);
}

/** @param {Record<string, any>} page */
export function shift(page, bed, { most = 60 } = {}) {
  const { rows, error } = page.opened.shift;
  if (error) return h("p", { class: "outcome refused" }, t("shift.failed", { reason: told(error) }));
  if (!rows) return h("p", { class: "nothing" }, t("shift.waiting"));
  if (!rows.length) return h("p", { class: "nothing" }, t("shift.none"));
  return h("ol", { class: "shift" }, rows.slice(0, most).map((row) =>
    h("li", { key: `${row.run}-${row.row}`, class: row.kind === "alarm" ? row.body.priority : "" },
      h("time", null, timeOf(row.at)), h("span", null, textOf(page, row)),
      h("small", null, row.age_s === null ? "" : t("age", { span: span(row.age_s) })))),
    rows.length > most ? h("li", { key: "more" }, t("shift.more", { count: rows.length - most })) : null);
}
