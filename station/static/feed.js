/**
 * The stream from the server, and whether it can be believed: without a beat for five seconds this page has lost its
 * server, whatever else it still shows (H-19).
 */

/** Without a beat for so long nothing on this screen is live. */
export const LOST_AFTER_S = 5;
/** How far back the shortest way of a beat counts. */
const LAG_WINDOW_S = 300;
/** How long after a break the page connects again; also how often it tries. */
const AGAIN_S = 2;
/** The events of docs/station.md. */
const EVENTS = [
  "hello", "edge", "bed", "bed_gone", "alarm", "alarm_gone", "station_alarm", "station_alarm_gone",
  "session", "answer", "history", "ready", "beat",
];

export const here = () => performance.now() / 1000;

export class Feed {
  /** @param {(name: string, data: any) => void} take */
  constructor(take) {
    this.take = take;
    this.lags = [];
    this.lag = null;
    this.beat = null;
    this.source = null;
    this.begun = here();
    this.opened = -Infinity;
    this.lostAt = null;
  }

  /** The server's monotonic clock now, or null before it was heard. */
  now() {
    return this.lag === null ? null : here() - this.lag;
  }

  /** How old the newest beat is. */
  silence() {
    return this.beat === null ? here() - this.begun : Math.max(0, this.now() - this.beat);
  }

  lost() {
    return this.silence() > LOST_AFTER_S;
  }

  open() {
    this.source?.close();
    this.opened = here();
    const source = new EventSource("/events");
    this.source = source;
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (this.source !== source) return;
        const data = JSON.parse(event.data);
        if (name === "hello") this.greet(data);
        if (name === "beat") this.heard(data.server_mono_s);
        this.take(name, data);
      });
    }
  }

  /** A server that was started anew has another clock. */
  greet(data) {
    if (data.server_run !== this.run) {
      this.run = data.server_run;
      this.lags = [];
      this.lag = null;
    }
    this.heard(data.server_mono_s);
  }

  heard(serverS) {
    const now = here();
    this.lags.push({ at: now, lag: now - serverS });
    while (this.lags[0].at < now - LAG_WINDOW_S) this.lags.shift();
    this.lag = Math.min(...this.lags.map((one) => one.lag));
    this.beat = serverS;
  }

  /** To be called every second: connects again where the stream ended or stands still. */
  tick() {
    if (!this.lost()) this.lostAt = null;
    else {
      this.lostAt ??= new Date();
      if (here() - this.opened > Math.max(AGAIN_S, LOST_AFTER_S)) this.again();
    }
  }

  /** The cookie may be gone, or the server another: its page sets it anew. */
  async again() {
    this.opened = here();
    try {
      await fetch("/", { cache: "no-store", credentials: "same-origin" });
    } catch {
      return;
    }
    this.open();
  }
}
