/** Asks the edges what was. An edge answers few questions at once, so each page asks an edge one at a time, and waits. */

const ANSWER_S = 20;
/** An edge that has too much to answer says so; then the page asks again, a little later than other pages. */
const TRIES = 6;
const AGAIN_S = 3;
/** More pages of one answer than twelve hours of twenty values fill. */
const PAGES_MAX = 60;

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

export class Past {
  /** @param {{ward: () => any, acts: import("./acts.js").Acts}} page */
  constructor(page) {
    this.page = page;
    this.numbers = 0;
    this.waiting = new Map();
    this.queues = new Map();
  }

  /**
   * Ask for all pages of an answer, the messages `history/1`. Rejects with an Error that has a text for people.
   * @param {string} edge @param {Record<string, any>} fields
   * @returns {Promise<any[]>}
   */
  ask(edge, fields, { most = PAGES_MAX } = {}) {
    const before = this.queues.get(edge) ?? Promise.resolve();
    const mine = before.then(() => this.pages(edge, fields, most));
    this.queues.set(edge, mine.catch(() => undefined));
    return mine;
  }

  async pages(edge, fields, most) {
    const found = [];
    let page = "";
    do {
      const message = await this.tried(edge, { ...fields, page });
      found.push(message);
      page = message.next_page;
    } while (page && found.length < most);
    return found;
  }

  async tried(edge, fields) {
    for (let tries = 1; ; tries += 1) {
      const message = await this.one(edge, fields);
      if (message?.result === "done") return message;
      if (tries >= TRIES) throw new Error(message?.reason ?? "");
      await pause(AGAIN_S * (0.5 + Math.random()));
    }
  }

  async one(edge, fields) {
    const status = this.page.ward().edges.get(edge)?.status;
    const hello = this.page.ward().hello;
    if (!status || !hello) return null;
    const id = `${hello.page}-h${(this.numbers += 1)}`;
    const answer = new Promise((done) => {
      const timer = setTimeout(() => done(null), ANSWER_S * 1000);
      this.waiting.set(id, (message) => {
        clearTimeout(timer);
        done(message);
      });
    });
    try {
      const { status: code } = await this.page.acts.post("/request", {
        edge, verb: "history", run: status.run, edge_mono_s: status.mono_s, request_id: id, ...fields,
      });
      return code === 202 ? await answer : null;
    } catch {
      return null;
    } finally {
      this.waiting.delete(id);
    }
  }

  /** Take a `history` event of the stream. */
  take({ message }) {
    this.waiting.get(message.request_id)?.(message);
  }
}
