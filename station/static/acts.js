/** What people ask for. Each act is pending until its edge has answered; nothing is shown as done before. */

import { here } from "./feed.js";

/** How long a refusal stands beside what was asked, and a "done"; one that says something is to be read. */
const SHOWN_S = { done: 4, refused: 30, unanswered: 60, unsent: 30 };
const SAID_S = 15;
/** The server says "unanswered" after 20 s; if even that is lost, the page does. */
const GIVE_UP_S = 26;

export class Acts {
  /** @param {{ward: () => import("./ward.js").Ward, changed: () => void, login: (again: () => void) => void}} page */
  constructor(page) {
    this.page = page;
    this.numbers = 0;
    this.pending = new Map();
    this.outcomes = new Map();
  }

  /** POST something; returns the status and the answer. Throws where the server cannot be reached. */
  async post(path, body) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": this.page.ward().hello?.csrf ?? "" },
      body: JSON.stringify(body),
    });
    const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
    return { status: answer.status, told };
  }

  /**
   * Ask an edge. `target` is what the act is shown beside; `then` hears the outcome.
   * @param {string} verb @param {string} edge @param {Record<string, any>} fields
   */
  async ask(verb, edge, fields, { target = `${edge}/${verb}`, then = null } = {}) {
    const { ward, login } = this.page;
    const hello = ward().hello;
    const status = ward().edges.get(edge)?.status;
    if (!hello || !status) return this.settle(target, verb, { result: "unsent", reason: "" }, then);
    const id = `${hello.page}-${(this.numbers += 1)}`;
    this.outcomes.delete(target);
    this.pending.set(id, { verb, edge, target, then, since: here() });
    this.page.changed();
    try {
      const { status: code, told } = await this.post("/request", {
        edge, verb, run: status.run, edge_mono_s: status.mono_s, request_id: id, ...fields,
      });
      if (code === 202) return;
      this.pending.delete(id);
      if (told.error === "login") {
        login(() => this.ask(verb, edge, fields, { target, then }));
        this.page.changed();
        return;
      }
      this.settle(target, verb, { result: code === 503 ? "unsent" : "refused", reason: told.message ?? "" }, then);
    } catch {
      if (this.pending.delete(id)) this.settle(target, verb, { result: "unsent", reason: "" }, then);
    }
  }

  /** Take an `answer` of the stream. */
  answered(data) {
    const asked = this.pending.get(data.request_id);
    if (!asked) return;
    this.pending.delete(data.request_id);
    this.settle(asked.target, asked.verb, { ...data, said: data.message?.said ?? "" }, asked.then);
  }

  settle(target, verb, outcome, then) {
    this.outcomes.set(target, { ...outcome, verb, at: here() });
    then?.(outcome);
    this.page.changed();
  }

  /** To be called every second. */
  tick() {
    const now = here();
    for (const [id, asked] of this.pending) {
      if (now - asked.since < GIVE_UP_S) continue;
      this.pending.delete(id);
      this.settle(asked.target, asked.verb, { result: "unanswered", reason: "" }, asked.then);
    }
    for (const [target, outcome] of this.outcomes) {
      if (now - outcome.at > (outcome.result === "done" && outcome.said ? SAID_S : SHOWN_S[outcome.result])) this.outcomes.delete(target);
    }
  }

  /** Whether something is pending there. */
  waits(target) {
    for (const asked of this.pending.values()) if (asked.target === target) return true;
    return false;
  }

  outcome(target) {
    return this.outcomes.get(target) ?? null;
  }
}
