/** The words of the page, in the language of this screen. */

import { Said } from "./said.js";

export const LANGUAGES = ["en", "nb"];
const KEPT = "station.language";

const texts = new Map();
/** What edges say, in the languages that are not theirs. */
const heard = new Map();
let language = "en";
let asked = 0;

export const lang = () => language;

/** Load a language, and keep the choice for this screen. What is asked for last counts, however late an earlier one is there. */
export async function use(name, { keep = false } = {}) {
  const number = (asked += 1);
  const chosen = LANGUAGES.includes(name) ? name : "en";
  if (keep) localStorage.setItem(KEPT, chosen);
  if (!texts.has(chosen)) {
    if (chosen !== "en") heard.set(chosen, new Said(await load(`said.${chosen}`), new Said(await load(`device.${chosen}`))));
    texts.set(chosen, await load(chosen));
  }
  if (number !== asked) return;
  language = chosen;
  document.documentElement.lang = chosen;
}

async function load(name) {
  const answer = await fetch(new URL(`i18n/${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`the words of ${name} cannot be had: ${answer.status}`);
  return answer.json();
}

/** What was chosen at this screen, if anything. */
export const chosen = () => localStorage.getItem(KEPT);

/** Whether there is such a text. */
export const has = (key) => texts.get(language)?.[key] !== undefined;

/** The drugs that have a name here. */
export const drugs = () => Object.keys(texts.get(language) ?? {}).filter((key) => key.startsWith("drug.") && key.includes("-")).map((key) => key.slice("drug.".length));

/** Say something; `{name}` stands for what is given. A text that is missing shows its key, which a test finds. */
export function t(key, given = {}) {
  const text = texts.get(language)?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in given ? String(given[name]) : whole));
}

/** A text of an edge in the words of this language, null where it is not known here. */
export const said = (text) => (language === "en" ? text : (heard.get(language)?.say(text) ?? null));

/** A text of an edge in the language of this screen; as the edge said it where it is not known. */
export const told = (text) => local(said(text) ?? text);

/** Write numbers and units inside a text of an edge as this language does. */
export function local(text) {
  if (language !== "nb") return text.replaceAll("mm[Hg]", "mmHg");
  return text
    .replace(/(?<![\w.])(\d+)\.(\d+)(?![\w.]*\w)/g, "$1,$2") // no codes, as ALARM1.10
    .replaceAll("mm[Hg]", "mmHg")
    .replaceAll("mg/kg/h", "mg/kg/t")
    .replaceAll("mL/h", "ml/t")
    .replaceAll("mg/mL", "mg/ml")
    .replaceAll("mg/h", "mg/t")
    .replace(/(\d )mL\b/g, "$1ml")
    .replace(/(\d) h\b/g, "$1 t");
}

/** A unit as this language writes it. */
export const unit = (name) => {
  const known = `unit.${name}`;
  return has(known) ? t(known) : name;
};
