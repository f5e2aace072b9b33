/** The page put together: the stream comes in, the sound follows at once, and what changed is painted. */

import { lineOf } from "./alarm-text.js";
import { Acts } from "./acts.js";
import { banners, Truth } from "./truth.js";
import { bar } from "./bar.js";
import { bedPage, Opened } from "./bed.js";
import { h, paint } from "./dom.js";
import { Feed, here } from "./feed.js";
import { Fit, TRIES } from "./fit.js";
import { flash } from "./flash.js";
import { overview } from "./overview.js";
import { PANELS } from "./panels.js";
import { Past } from "./past.js";
import { Receipts } from "./receipt.js";
import { Sound } from "./sound.js";
import { heard, noise, OwnAlarms, standing } from "./standing.js";
import { Trends } from "./trends.js";
import { bedKey, Moment, Ward } from "./ward.js";
import { chosen, t, use } from "./words.js";

const THEME = "station.theme";
const ORDER = "station.order";
/** Before this nothing is said of sound: the browser may still allow it. */
const SETTLE_S = 1.5;

class Page {
  constructor() {
    this.ward = new Ward();
    this.feed = new Feed((name, data) => this.take(name, data));
    this.sound = new Sound();
    this.truth = new Truth();
    this.own = new OwnAlarms();
    this.acts = new Acts({ ward: () => this.ward, changed: () => this.changed(), login: (then) => this.open("login", { then }) });
    this.past = new Past({ ward: () => this.ward, acts: this.acts });
    this.trends = new Trends(this.past, () => this.changed());
    this.receipts = new Receipts({
      ward: () => this.ward, acts: this.acts, audible: () => this.sound.works(), lost: () => this.feed.lost(),
    });
    this.order = localStorage.getItem(ORDER) ?? "bed";
    this.theme = localStorage.getItem(THEME) ?? "dark";
    this.panel = null;
    this.panels = 0;
    this.opened = null;
    this.testing = null;
    this.settled = false;
    this.items = [];
    this.tiles = new WeakMap();
    this.fit = new Fit();
    this.stamp = 0;
    this.drawing = false;
    this.painted = 0;
    this.said = new Set();
    this.readRoute();
  }

  get moment() {
    return new Moment(this.ward, this.feed.now(), this.feed.lost());
  }

  start() {
    this.begun = here();
    flash(document.documentElement);
    document.documentElement.dataset.theme = this.theme;
    this.truth.tick(this.begun, document.visibilityState === "visible");
    this.feed.open();
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => this.allowSound(), { capture: true });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.escape());
    document.addEventListener("visibilitychange", () => {
      this.truth.visibility(document.visibilityState === "visible", here());
      this.tick();
    });
    addEventListener("hashchange", () => {
      this.readRoute();
      this.panel = null;
      scrollTo(0, 0);
      this.changed();
    });
    addEventListener("resize", () => this.changed());
    document.addEventListener("scroll", () => this.draw(), { capture: true, passive: true });
    setInterval(() => this.tick(), 1000);
    this.changed();
  }

  /** An event of the stream. What sounds never waits for what is painted: a hidden tab paints nothing. */
  take(name, data) {
    if (name === "answer") return this.acts.answered(data);
    if (name === "history") return this.past.take(data);
    this.ward.apply(name, data);
    if (name === "hello") {
      this.trends.clear();
      this.readRoute();
      this.greet(data);
    }
    if (name === "bed" && data.snapshot) this.takeSnapshot(bedKey(data.edge, data.bed));
    this.judge();
    if (name !== "beat") this.draw();
  }

  takeSnapshot(key) {
    const bed = this.ward.beds.get(key);
    this.trends.take(bed);
    if (this.opened?.key === key) this.opened.take(bed);
  }

  async greet(data) {
    await use(chosen() ?? data.config.language);
    this.changed();
  }

  tick() {
    this.settled = here() - this.begun > SETTLE_S;
    this.truth.tick(here(), document.visibilityState === "visible");
    this.feed.tick();
    this.acts.tick();
    this.sound.tick(here());
    this.judge();
    this.changed();
    this.receipts.tick();
  }

  /** What stands, and what is to be heard of it. */
  judge() {
    this.own.judge(this.feed.lost(), here());
    this.items = standing(this.moment, this.own, here());
    this.sound.sound(heard(this.items), noise(this.items));
    const open = this.items.filter((item) => item.kind !== "edge" || item.alarm.signal !== "acknowledged").length;
    const hidden = document.visibilityState === "visible" ? "" : `${t("title.hidden")} `;
    const title = `${hidden}${open ? `(${open}) ` : ""}${this.ward.hello?.config.label ?? t("app.name")}`;
    if (document.title !== title) document.title = title;
  }

  /** Something else changed than the ward: every tile is made anew. */
  changed() {
    this.stamp += 1;
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.paint();
      // What does not fit is seen only when it is laid out; it is painted anew before anyone sees it.
      for (let n = 0; n < TRIES && this.fit.measure(this); n += 1) {
        this.stamp += 1;
        this.paint();
      }
      this.painted += 1;
      this.receipts.tick();
    });
  }

  paint() {
    const view = this.route.name === "ward" ? overview(this) : bedPage(this);
    const opened = this.panel && PANELS[this.panel.kind](this);
    paint(document.getElementById("app"), [
      h("a", { class: "skip", href: "#main", key: "skip", on: { click: (event) => this.skip(event) } }, t("nav.skip")),
      bar(this),
      h("div", { class: "banners", key: "banners" }, banners(this)),
      view,
      ...(opened ? [opened] : []),
      h("footer", { class: "caution", key: "caution" }, t("app.caution")),
      h("div", { class: "spoken", "aria-live": "assertive", key: "spoken" }, this.spoken()),
    ]);
    this.focusPanel();
  }

  /** The parts of a tile are made anew each second, and when its bed changed. */
  kept(bed, make) {
    const known = this.tiles.get(bed);
    const mark = `${bed.version}|${this.stamp}`;
    if (known?.mark === mark) return known.made;
    const made = make();
    this.tiles.set(bed, { mark, made });
    return made;
  }

  /** What a screen reader says: each alarm that began or got worse, once. */
  spoken() {
    const now = new Set(this.items.map((item) => `${item.id}/${item.priority}/${item.alarm?.occurrence ?? ""}`));
    const fresh = this.items.filter((item) => !this.said.has(`${item.id}/${item.priority}/${item.alarm?.occurrence ?? ""}`));
    this.said = now;
    if (fresh.length) {
      this.speech = fresh.map((item) => h("p", { key: item.id }, `${t(`priority.${item.priority}`)}: ${item.kind === "edge" ? lineOf(this.ward, item.edge, item.alarm) : t(`own.${item.key}.title`)}`));
    }
    return this.items.length ? (this.speech ?? []) : [];
  }

  readRoute() {
    const parts = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
    this.route = parts[0] === "bed" && parts.length >= 3
      ? { name: "bed", edge: parts[1], bed: parts[2], view: parts[3] ?? "now" }
      : { name: "ward" };
    const key = this.route.name === "bed" ? bedKey(this.route.edge, this.route.bed) : null;
    this.opened = key === null ? null : new Opened(this, key);
  }

  skip(event) {
    event.preventDefault();
    document.querySelector("#main a, #main button")?.focus();
  }

  escape() {
    if (this.panel) this.close();
    else if (this.route.name !== "ward") location.hash = "#/";
  }

  open(kind, state = {}) {
    // Who logs in on the way comes back to what was typed.
    const back = kind !== "login" ? null : this.panel?.kind === "login" ? this.panel.back : this.panel;
    this.panel = { kind, from: document.activeElement, ...state, back, fresh: true, id: (this.panels += 1) };
    this.changed();
  }

  /** Whether a form stands open: that one, not another of its kind for another bed. */
  stands(form) {
    return this.panel?.id === form.id;
  }

  /** Tell a form what became of it. One that is closed comes back with what was typed, behind what is open now. */
  tell(form, state) {
    if (this.stands(form)) return this.setPanel({ ...state, busy: false, fresh: true });
    const back = { ...form, ...state, busy: false, fresh: true };
    if (!this.panel) this.panel = back;
    else {
      let last = this.panel;
      while (last.back && last.back.id !== form.id) last = last.back;
      last.back = back;
    }
    this.changed();
  }

  setPanel(state) {
    if (!this.panel) return;
    Object.assign(this.panel, state);
    this.changed();
  }

  /** Close what is open. A form that a login stood before comes back; it still waits where the login let it `goOn`. */
  close({ goOn = false } = {}) {
    const { from, back } = this.panel ?? {};
    this.panel = back ? { ...back, busy: goOn && back.busy, fresh: true } : null;
    this.changed();
    const next = this.panel;
    // What was opened meanwhile keeps the keyboard: a figure typed into nothing is a figure lost.
    requestAnimationFrame(() => this.panel === next && from?.isConnected && from.focus());
  }

  focusPanel() {
    const node = document.querySelector(".panel");
    if (!this.panel || !node) return;
    const first = node.querySelector("[data-first]");
    if (this.panel.fresh) (first ?? node).focus();
    this.panel.fresh = false;
  }

  async allowSound() {
    await this.sound.allow();
    this.sound.tick(here());
  }

  async testSound() {
    await this.sound.test((priority) => {
      this.testing = priority;
      this.changed();
    });
  }

  /** Silence what sounds now, wherever it comes from: an edge for all its beds, the station, the page itself. */
  silenceAll() {
    const edges = new Set(this.items.filter((item) => item.kind === "edge" && item.sounding).map((item) => item.edge));
    for (const edge of edges) this.acts.ask("audio-pause", edge, { bed: "", duration_s: 120 }, { target: `pause/${edge}` });
    for (const item of this.items) if (item.kind !== "edge" && item.sounding) this.silenceOwn(item);
  }

  resumeAll() {
    const paused = new Set(this.ward.inOrder().filter((bed) => this.moment.pauses(bed).length).map((bed) => bed.edge));
    for (const edge of paused) this.acts.ask("resume", edge, { bed: "" }, { target: `resume/${edge}` });
  }

  async silenceOwn(item) {
    if (item.kind === "page") {
      this.own.silence(here());
      this.tick();
      return;
    }
    try {
      const { status, told } = await this.acts.post("/silence", { key: item.key, rev: item.alarm.rev });
      if (status !== 204) this.acts.settle(item.id, "silence", { result: "refused", reason: told.message ?? "" });
    } catch {
      this.acts.settle(item.id, "silence", { result: "unsent", reason: "" });
    }
  }

  async logout() {
    try {
      await this.acts.post("/logout", {});
    } catch {
      // The session ends by itself in minutes.
    }
  }

  async setLanguage(name) {
    await use(name, { keep: true });
    this.changed();
  }

  setOrder(order) {
    this.order = order;
    localStorage.setItem(ORDER, order);
    this.changed();
  }

  setTheme() {
    this.theme = this.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, this.theme);
    document.documentElement.dataset.theme = this.theme;
    this.changed();
  }
}

const page = new Page();
page.sound.open();
await use(chosen() ?? document.documentElement.lang);
/** For tests, which look at what is heard and painted. */
globalThis.station = page;
page.start();
