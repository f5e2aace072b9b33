/** What an alarm says to people, in the language of this screen. The edge's own words stand beside, where ours are less. */

import { dose, plain } from "./number.js";
import { bedKey } from "./ward.js";
import { has, lang, local, said as inWords, t, unit } from "./words.js";

export const SIGN = { high: "!!!", medium: "!!", low: "!" };

/** What nurses call a bed, or the bedside computer itself. */
export function labelOf(ward, edge, bed) {
  if (!bed) return t("edge.named", { edge });
  return ward.beds.get(bedKey(edge, bed))?.label ?? bed;
}

/** A drug as people call it. */
export function drugName(id) {
  if (!id) return t("drug.none");
  return has(`drug.${id}`) ? t(`drug.${id}`) : id.replaceAll("-", " ");
}

export const titleOf = (alarm) => (has(`title.${alarm.condition}`) ? t(`title.${alarm.condition}`) : alarm.condition);

/** One line; without the bed's label if that stands beside it. `said` is the alarm or its `now`. */
export function lineOf(ward, edge, alarm, { label = true, said = alarm } = {}) {
  const name = labelOf(ward, edge, alarm.bed);
  const body = lang() === "en" ? unlabelled(local(said.text), name) : composed(ward, edge, alarm, said, name);
  return label && alarm.bed ? `${name}: ${body}` : body;
}

/** In few words, for a tile without room: what and by how much; drug and unit stand in the tile. */
export function shortLineOf(alarm) {
  const { limit, value, condition } = alarm;
  const subject = has(`subject.${condition}`) ? t(`subject.${condition}`) : condition.startsWith("DOSE_RATE") ? t("trend.dose") : "";
  if (!limit || value === null || !subject) return titleOf(alarm);
  return t(`alarm.short.${limit.side === "high" ? "above" : "below"}`, { what: subject, value: local(valueOf(alarm)), limit: local(plain(limit.value)) });
}

/** Whether the edge's own words say more than the line does: they are English, and not known here. */
export const wordsBeside = (alarm) => !(alarm.limit && alarm.value !== null) && inWords(alarm.text) === null;

function unlabelled(text, name) {
  if (!text.startsWith(`${name}: `)) return text;
  const rest = text.slice(name.length + 2);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

function composed(ward, edge, alarm, said, name) {
  const limit = said.limit;
  const subject = subjectOf(ward, edge, alarm);
  if (limit && said.value !== null && subject) {
    const key = `alarm.${limit.side === "high" ? "above" : "below"}.${limit.band === "soft" ? "soft" : "hard"}`;
    return t(key, {
      what: subject, value: local(valueOf(said)), unit: unit(said.unit), limit: local(plain(limit.value)),
    });
  }
  const known = inWords(said.text);
  if (known !== null) return unlabelled(local(known), name);
  const title = titleOf(alarm);
  const band = has(`band.${said.band}`) ? ` (${t(`band.${said.band}`)})` : "";
  return `${title}${band}.`;
}

/** A value beyond its limit, rounded away from the safe side, so that it is never shown as allowed. */
function valueOf(said) {
  if (!/^[mun]g\/kg\/(h|min)$/.test(said.unit)) return plain(said.value);
  return dose(said.value, said.unit, said.limit?.side !== "low");
}

function subjectOf(ward, edge, alarm) {
  if (has(`subject.${alarm.condition}`)) return t(`subject.${alarm.condition}`);
  if (!alarm.condition.startsWith("DOSE_RATE")) return "";
  const bed = ward.beds.get(bedKey(edge, alarm.bed));
  const here = (one) => one.port === alarm.port && one.channel === alarm.channel;
  const drug = bed?.snapshot?.channels.find(here)?.drug || bed?.therapy?.orders.find(here)?.drug;
  return drug ? drugName(drug) : t("drug.unknown");
}

/** What to do. */
export function actionOf(alarm) {
  return lang() !== "en" && has(`action.${alarm.condition}`) ? t(`action.${alarm.condition}`) : alarm.action;
}

/** "Kari" for "ward-desk:kari"; a name that is not known stands as it is. */
export function personOf(ward, by) {
  const [station, user] = by.includes(":") ? by.split(/:(.*)/) : ["", by];
  if (user === "attended") return t("person.attended", { station });
  const known = ward.hello?.config.users.find((one) => one.user === user);
  return known?.name ?? (user || station || by);
}
