/**
 * What the edges say in English, said in the language of this screen: alarm texts, reasons, origins. The table has each
 * phrase as the edge's code has it, with a `{}` for each value; values come through as they were sent.
 */

/** Longer texts are not looked for: none of the edge's own is. */
const LONG = 800;
/** So many texts are kept with their translation; a ward has far fewer at once. */
const KEPT = 1000;
/** A phrase within a phrase within a phrase: no text of the edge is deeper. */
const DEEP = 4;
/** With so few letters, units and channels not counted, a phrase would be found where it does not stand. */
const FEW = 6;
const BEHIND = /^[ ,;]+/;
/** The phrase in which an edge passes on what a device says: each alarm with its code behind it. */
const REPORTS = "{}: {} reports: {}.";
const LETTER = /\p{L}/u;
const ALARMS = /(?<=\)), /;
const CODED = /^(.+)( \([^()]*\))$/s;

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export class Said {
  /** @param {Record<string, string>} table @param {Said | null} device the words of the devices */
  constructor(table, device = null) {
    this.device = device;
    this.exact = new Map();
    this.phrases = [];
    this.known = new Map();
    for (const [told, words] of Object.entries(table)) {
      this.add(told, words);
      // What begins with a comma stands behind something, or by itself.
      if (BEHIND.test(told)) this.add(told.replace(BEHIND, ""), words.replace(BEHIND, ""));
    }
    this.phrases.sort((a, b) => b.letters - a.letters);
  }

  add(told, words) {
    if (told.includes("{}")) this.phrases.push({ ...phrase(told, words), reports: told === REPORTS });
    else this.exact.set(told, words);
  }

  /** The text in this language, null where the table does not have it. */
  say(text) {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const said = text.length > LONG ? null : this.find(text, 0);
    if (this.known.size >= KEPT) this.known.clear();
    this.known.set(text, said);
    return said;
  }

  find(text, deep) {
    if (this.exact.has(text)) return this.exact.get(text);
    if (deep > DEEP) return null;
    const near = this.phrases.filter((one) => one.near(text));
    for (const how of ["strict", "loose"]) {
      for (const one of near) {
        const values = one[how].exec(text)?.slice(1);
        if (!values) continue;
        const last = one.reports && this.device ? this.device.relayed(values.pop()) : null;
        const said = values.map((value) => this.find(value, deep + 1) ?? value);
        return fill(one.words, last === null ? said : [...said, last]);
      }
    }
    return this.joined(text, deep);
  }

  /** What a device says: what is known, and in quotes what is not, which is not ours to put into words. */
  relayed(text) {
    return text.split(ALARMS).map((alarm) => {
      const [, words, code] = CODED.exec(alarm) ?? [null, alarm, ""];
      const known = this.whole(words) ?? (LETTER.test(words) ? this.whole(`the device says ${words}`) : words);
      return known + code;
    }).join(", ");
  }

  /** A text that the table has whole, null for any other. */
  whole(text) {
    const exact = this.exact.get(text) ?? this.exact.get(text.toUpperCase());
    if (exact !== undefined) return exact;
    const one = this.phrases.find(({ strict, near }) => near(text) && strict.test(text));
    return one ? fill(one.words, one.strict.exec(text).slice(1).map((value) => this.exact.get(value) ?? value)) : null;
  }

  /** Sentences and parts that stand beside each other, in brackets, or behind a name. */
  joined(text, deep) {
    const wrapped = /^([ ,;(]+)(.+?)(\)?)$/s.exec(text);
    if (wrapped) {
      const inner = this.find(wrapped[2], deep + 1);
      return inner === null ? null : wrapped[1] + inner + wrapped[3];
    }
    const noted = /^(.+?)( \(.+\))$/s.exec(text)?.slice(1);
    const both = noted?.map((part) => this.find(part, deep + 1));
    if (both?.some((part) => part !== null)) return both.map((part, n) => part ?? noted[n]).join("");
    for (const between of ["; ", ". ", ", ", " and "]) {
      const parts = text.split(between);
      if (parts.length < 2) continue;
      const said = parts.map((part) => this.find(part, deep + 1));
      if (said.some((part) => part !== null)) return said.map((part, n) => part ?? parts[n]).join(this.exact.get(between) ?? between);
    }
    const named = /^([^:]{1,60}): (.+)$/s.exec(text);
    const rest = named && this.find(named[2], deep + 1);
    if (rest) return `${this.find(named[1], deep + 1) ?? named[1]}: ${rest}`;
    if (!text.endsWith(".")) return null;
    const sentence = this.find(text.slice(0, -1), deep + 1);
    return sentence === null ? null : `${sentence}.`;
  }
}

/** One phrase: which texts it is, and what their values are. */
function phrase(told, words) {
  const parts = told.split("{}");
  const letters = parts.join("").replace(/channel|mg|kg|mL/g, "").replace(/[^a-z]/gi, "").length;
  // A value of a short phrase is one word, save the name before its colon and what stands last behind one.
  const named = told.startsWith("{}: ");
  const hole = (n) => (letters >= FEW || (named && (n === 1 || n === parts.length - 1)) ? "(.*?)" : "(\\S+?)");
  const whole = (value) => new RegExp(`^${parts.map((part, n) => (n ? value(n) : "") + escaped(part)).join("")}$`, "s");
  const loose = whole(hole);
  const values = ["([<>-]?\\d.*?|[^\\d\\s]\\S*?)", "(\\S+?)", "(\\S+?)"];
  const strict = whole((n) => (beside(parts, n) ? values[beside(parts, n) - 1] : parts[n] === " " ? "([^:;]*?)" : hole(n)));
  /** Whether its words stand there in their order; cheap, and what a regular expression may be tried on. */
  const near = (text) => {
    let at = 0;
    return parts.every((part) => {
      at = text.indexOf(part, at) + part.length;
      return at >= part.length;
    });
  };
  return { letters, words, near, strict, loose };
}

/** How many values stand right before the n-th: the first may be words, the next is a number or one word, others one word. */
function beside(parts, n) {
  let found = 0;
  while (n - found > 1 && parts[n - found - 1] === " ") found += 1;
  return found;
}

const fill = (words, values) => {
  let n = 0;
  return words.replace(/\{\}/g, () => values[n++]);
};
