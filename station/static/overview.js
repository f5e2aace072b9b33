/** The ward: a tile a bed, and the list of everything that stands. */

import { card, outcomeText } from "./alarm-card.js";
import { h } from "./dom.js";
import { beyondBar, cardsBar } from "./fit.js";
import { tile } from "./tile.js";
import { rank } from "./ward.js";
import { t } from "./words.js";

export function overview(page) {
  const { ward } = page;
  const beds = sorted(page, ward.inOrder());
  return h(
    "main",
    { class: `ward${beds.length > FEW ? " many" : ""}`, key: "ward", id: "main" },
    beds.length
      ? h("div", { class: "beds", key: "beds" },
          h("ul", { class: "tiles", key: "tiles", style: { "--columns": columnsOf(beds.length) } }, beds.map((bed) => page.kept(bed, () => tile(page, bed)))),
          beyondBar(page))
      : h("p", { class: "empty", key: "empty" }, t(ward.ready ? "ward.no_beds" : "ward.waiting")),
    alarmList(page),
  );
}

/** With more beds the list beside leaves more of the screen to the tiles. */
const FEW = 6;
/** With more alarms than this the list says of the later ones only what is so, and leaves what to do to the bed's page. */
const LONG = 3;

/** So many columns that all beds are seen at once on a wall screen. */
const columnsOf = (count) => (count <= 1 ? 1 : count <= 4 ? 2 : count <= 6 ? 3 : count <= 16 ? 4 : count <= 20 ? 5 : 6);

function sorted(page, beds) {
  if (page.order !== "urgency") return beds;
  const urgency = (bed) => {
    const alarms = page.ward.alarmsOf(bed.edge, bed.bed);
    const open = alarms.find((one) => one.alarm.signal !== "acknowledged") ?? null;
    if (open) return rank(open.alarm.priority);
    if (page.moment.doubt(bed)) return 3;
    return alarms.length ? 4 + rank(alarms[0].alarm.priority) : 8;
  };
  return beds.map((bed) => [urgency(bed), bed]).sort((a, b) => a[0] - b[0]).map(([, bed]) => bed);
}

/** Everything that stands, the most urgent first; "no alarms" only where that is proved of every bed. */
export function alarmList(page) {
  const { items } = page;
  const unknown = unknownBeds(page);
  return h(
    "aside",
    { class: "list", key: "list", "aria-label": t("list.title") },
    h("h2", { class: "title" }, t("list.title"), h("span", { class: "count" }, items.length || "")),
    soundRow(page),
    h("div", { class: `cards${items.length > LONG ? " short" : ""}`, key: "cards" }, items.map((item) => card(page, item))),
    cardsBar(page),
    unknown.length ? h("p", { class: "unknown" }, t("list.unknown", { beds: unknown.map((bed) => bed.label ?? bed.bed).join(", ") })) : null,
    !items.length && !unknown.length && page.ward.ready && page.ward.beds.size ? h("p", { class: "well" }, t("list.none")) : null,
  );
}

export const unknownBeds = (page) => page.ward.inOrder().filter((bed) => page.moment.doubt(bed));

/** The pause of the sound, and its end: it ends by itself, and what is new sounds through it. */
function soundRow(page) {
  const { ward, moment, acts } = page;
  const paused = ward.inOrder().flatMap((bed) => moment.pauses(bed).filter((one) => one.reason === "audio_pause"));
  const sounding = page.items.filter((item) => item.sounding);
  const waits = [...ward.edges.keys()].some((edge) => acts.waits(`pause/${edge}`) || acts.waits(`resume/${edge}`));
  if (!sounding.length && !paused.length && !waits) return null;
  return h(
    "div",
    { class: "sound-row", key: "sound-row" },
    sounding.length ? h("button", { class: "silence", disabled: waits || moment.lost && !sounding.some((one) => one.kind === "page"), on: { click: () => page.silenceAll() } }, waits ? t("act.pending") : t("act.silence")) : null,
    paused.length ? h("button", { class: "resume", disabled: waits, on: { click: () => page.resumeAll() } }, t("act.resume")) : null,
    [...ward.edges.keys()].map((edge) => {
      const outcome = acts.outcome(`pause/${edge}`);
      return outcome && outcome.result !== "done" ? h("p", { class: "outcome refused", role: "status" }, outcomeText(outcome)) : null;
    }),
  );
}
