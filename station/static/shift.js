/** The history of a bed's shift: asked of the edge's journal, over its restarts too. */

import { personOf, titleOf } from "./alarm-text.js";
import { timeOf, span } from "./clock.js";
import { h } from "./dom.js";
import { plain } from "./number.js";
import { has, local, t, told, unit } from "./words.js";

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
      const text = `${timeOf(row.at)} ${textOf(page, row)}`;
      if (row.kind === "alarm" && row.body.phase === "start") found.push({ mono, kind: "alarm", priority: row.body.priority, text });
      else if (row.kind === "bolus") found.push({ mono, kind: "bolus", text, ...placeOf(row.body) });
      else if (row.kind === "request" && row.body.result === "done") found.push(...actMark(row.body, mono, text));
    }
    for (const one of therapy?.rounds ?? []) {
      const known = found.some((each) => each.kind === "round" && Math.abs(each.mono - one.at.mono_s) < SAME_S);
      if (page.moment.ago(bed.edge, one.at) !== null && !known) found.push({ mono: one.at.mono_s, kind: "round", text: `${timeOf(one.at)} ${t("round.title")}` });
    }
    return found;
  }
}

/** A round of the therapy and the row that asked for it are one, if they are so near. */
const SAME_S = 5;

/** Of which pump channel a row is; an act that named none was of the only one that could be meant. */
const placeOf = ({ port, channel }) => ({ place: port ? `${port}.${channel}` : "" });

function actMark(body, mono, text) {
  if (body.verb === "observe") return [{ mono, kind: "round", text }];
  if (body.verb === "step") return [{ mono, kind: "step", text, value: body.step_mg_per_kg_per_h ?? "", ...placeOf(body) }];
  if (body.verb === "manual-dose") return [{ mono, kind: "bolus", text, drug: body.drug }];
  return ACTS.has(body.verb) ? [{ mono, kind: "act", text }] : [];
}

const ACTS = new Set(["order", "confirm", "override", "start-patient", "end-infusion", "close", "limits", "withdraw", "confirm-syringe", "settle-dose"]);

/** Numbers of an act that its row says. */
const ASKED = [["step_mg_per_kg_per_h", "mg/kg/h"], ["dose_mg", "mg"]];

/** A row in words; what this page does not know keeps the edge's own. */
export function textOf(page, row, { short = false } = {}) {
  const { body, kind } = row;
  if (kind === "alarm") {
    const phase = has(`event.${body.phase}`) ? t(`event.${body.phase}`) : body.phase;
    const name = titleOf({ condition: (body.key ?? "").split(".")[0] });
    return `${phase}: ${name}${body.text && !short ? ` – ${told(body.text)}` : ""}`;
  }
  if (kind === "request") {
    const verb = has(`verb.${body.verb}`) ? t(`verb.${body.verb}`) : body.verb;
    const who = personOf(page.ward, body.by ?? (body.user ? `${body.station ?? ""}:${body.user}` : ""));
    const what = ASKED.map(([name, of]) => (body[name] ? ` ${local(plain(body[name]))} ${unit(of)}` : "")).join("");
    const result = body.result === "refused" ? ` – ${t("act.refused", { reason: told(body.reason ?? "") })}` : "";
    return `${verb}${what}${who ? ` (${who})` : ""}${result}`;
  }
  if (kind === "bolus") return `${t("bolus.title")}${body.volume_ml ? ` ${local(plain(body.volume_ml))} ${unit("mL")}` : ""}`;
  if (kind === "phase") return t(`phase.${body.phase}`) + (body.step > 0 ? ` ${t("phase.step", { step: body.step })}` : "");
  return `${kind}: ${Object.entries(body).map(([name, value]) => `${name} ${value}`).join(", ")}`.slice(0, 200);
}

/** @param {Record<string, any>} page */
export function shift(page, bed, { most = 60, short = false } = {}) {
  const { rows, error } = page.opened.shift;
  if (error) return h("p", { class: "outcome refused" }, t("shift.failed", { reason: told(error) }));
  if (!rows) return h("p", { class: "nothing" }, t("shift.waiting"));
  if (!rows.length) return h("p", { class: "nothing" }, t("shift.none"));
  return h("ol", { class: "shift" }, rows.slice(0, most).map((row) =>
    h("li", { key: `${row.run}-${row.row}`, class: row.kind === "alarm" ? row.body.priority : "" },
      h("time", null, timeOf(row.at)), h("span", null, textOf(page, row, { short })),
      short ? null : h("small", null, row.age_s === null ? "" : t("age", { span: span(row.age_s) })))),
    rows.length > most ? h("li", { key: "more", class: "more" }, t("shift.more", { count: rows.length - most })) : null);
}
