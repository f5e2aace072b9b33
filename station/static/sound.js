/**
 * The alarm's sound. The pulses and the pauses of a priority are one buffer that the audio device repeats by itself: a
 * page that stalls, or a tab that is held back, goes on sounding. Times and pitches as in IEC 60601-1-8 (2.5 to 15 s
 * between bursts of high priority): high ten pulses, medium three, low one.
 */

/** @typedef {"high" | "medium" | "low"} Priority */

/** Of each priority: length of a pulse, when pulses begin, the length of the whole, in seconds; how loud; how often. */
export const PATTERNS = {
  high: { pulse: 0.15, starts: highStarts(0.15, 0.1, 0.5), every: 8.35, level: 0.9, times: Infinity },
  medium: { pulse: 0.2, starts: [0, 0.4, 0.8], every: 16, level: 0.7, times: Infinity },
  low: { pulse: 0.2, starts: [0], every: 30.2, level: 0.5, times: 3 },
};
/** Fundamental and harmonics, which lie between 150 and 4000 Hz and within 15 dB of each other. */
const PITCH_HZ = 440;
const HARMONICS = [1, 0.7, 0.5, 0.35, 0.25];
/** A pulse begins and ends without a click. */
const EDGE_S = 0.015;
const RATE_HZ = 22050;

/** Two groups of five; within a group the pauses are x, x, 2x and a pulse, x. */
function highStarts(pulse, x, middle) {
  const starts = [];
  let at = 0;
  for (let group = 0; group < 2; group += 1) {
    for (const pause of [x, x, 2 * x + pulse, x, middle]) {
      starts.push(Math.round(at * 1000) / 1000);
      at += pulse + pause;
    }
  }
  return starts;
}

/** The samples of a priority's burst with the pause behind it. */
export function samples(priority) {
  const { pulse, starts, every, level } = PATTERNS[priority];
  const made = new Float32Array(Math.round(every * RATE_HZ));
  const sum = HARMONICS.reduce((a, b) => a + b, 0);
  for (const start of starts) {
    const first = Math.round(start * RATE_HZ);
    const count = Math.round(pulse * RATE_HZ);
    for (let n = 0; n < count; n += 1) {
      const at = n / RATE_HZ;
      const edge = Math.min(1, at / EDGE_S, (pulse - at) / EDGE_S);
      let value = 0;
      HARMONICS.forEach((part, k) => (value += part * Math.sin(2 * Math.PI * PITCH_HZ * (k + 1) * at)));
      made[first + n] = (level * edge * value) / sum;
    }
  }
  return made;
}

export class Sound {
  constructor() {
    this.context = null;
    this.buffers = {};
    this.playing = null;
    this.source = null;
    this.wanted = null;
    this.noises = new Set();
    this.testing = false;
    this.seen = { at: 0, time: 0, moves: false };
  }

  /** Make the audio graph; the browser may keep it suspended until somebody touches the page. */
  open() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.volume = this.context.createGain();
    this.analyser = this.context.createAnalyser();
    this.volume.connect(this.analyser).connect(this.context.destination);
    for (const priority of Object.keys(PATTERNS)) {
      const made = samples(priority);
      const buffer = this.context.createBuffer(1, made.length, RATE_HZ);
      buffer.copyToChannel(made, 0);
      this.buffers[priority] = buffer;
    }
    this.context.addEventListener("statechange", () => this.follow());
  }

  /** After a touch, which is what browsers wait for. */
  async allow() {
    if (this.context?.state !== "running") await this.context?.resume();
    this.follow();
  }

  /** Whether a sound would be heard, as far as a page can know: the device's clock must move. */
  works() {
    return this.context?.state === "running" && this.seen.moves;
  }

  /** To be called every second. */
  tick(hereS) {
    if (!this.context) return;
    const time = this.context.currentTime;
    if (hereS - this.seen.at < 0.5) return;
    this.seen = { at: hereS, time, moves: this.context.state === "running" && time > this.seen.time };
    this.follow();
  }

  /**
   * Sound this priority, or nothing. What is new among the noises begins a burst at once.
   * @param {Priority | null} priority @param {string[]} noises
   */
  sound(priority, noises) {
    const fresh = noises.some((one) => !this.noises.has(one));
    this.noises = new Set(noises);
    this.wanted = priority;
    if (this.testing) return;
    this.follow(fresh);
  }

  follow(fresh = false) {
    if (!this.context || this.testing) return;
    if (this.context.state !== "running") return this.stop();
    if (this.wanted === this.playing && !fresh) return;
    this.stop();
    if (this.wanted) this.start(this.wanted);
  }

  start(priority, times = PATTERNS[priority].times) {
    const source = this.context.createBufferSource();
    source.buffer = this.buffers[priority];
    source.loop = times > 1;
    source.connect(this.volume);
    source.start();
    if (Number.isFinite(times)) source.stop(this.context.currentTime + times * PATTERNS[priority].every);
    this.source = source;
    this.playing = priority;
  }

  stop() {
    if (this.source) {
      try {
        this.source.stop();
      } catch {
        // It has ended by itself.
      }
      this.source.disconnect();
    }
    this.source = null;
    this.playing = null;
  }

  /** Let a burst of each priority be heard, the worst first; `tell` hears which. What sounds goes on at once behind. */
  async test(tell) {
    await this.allow();
    if (!this.works() && this.context?.state !== "running") return false;
    if (this.testing) return true;
    this.testing = true;
    try {
      for (const priority of Object.keys(PATTERNS)) {
        if (this.wanted && this.wanted !== "low") break;
        tell(priority);
        this.stop();
        this.start(priority, 1);
        const { starts, pulse } = PATTERNS[priority];
        await new Promise((done) => setTimeout(done, 1000 * (starts.at(-1) + pulse + 0.6)));
      }
    } finally {
      this.stop();
      this.testing = false;
      tell(null);
      this.follow();
    }
    return true;
  }
}
