/**
 * What a technician does at a bed: put its devices under service, try the alarm's way, and accept the bed after a swap. The
 * sheet of an acceptance is kept by whoever made it; the edge's journal has its SHA-256.
 */

import { personOf } from "./alarm-text.js";
import { outcomeOf } from "./alarm-card.js";
import { span } from "./clock.js";
import { h } from "./dom.js";
import { bedForm, foot, sendForm } from "./form.js";
import { choice } from "./panel.js";
import { fact } from "./why.js";
import { t, told, unit } from "./words.js";

/** The edge takes no more than an hour. */
const SERVICE_MIN = [15, 30, 60];
const ANSWERS = ["yes", "no"];
const QUESTIONS = ["devices", "alarm"];
/** States of an identity in which readings count. */
const WELL = new Set(["confirmed", "none"]);

const targetOf = (edge, verb) => `${verb}/${edge}`;

/** The part of a bed's page that is the technician's. */
export function technician(page, bed) {
  if (page.moment.lost) return null;
  const place = { edge: bed.edge, bed: bed.bed };
  const ask = (verb) => h("button", { key: verb, disabled: page.acts.waits(targetOf(bed.edge, verb)), on: { click: () => page.acts.ask(verb, bed.edge, {}, { target: targetOf(bed.edge, verb) }) } }, t(`verb.${verb}`));
  return h("details", { class: "technician", key: "technician" }, h("summary", null, t("role.technician")),
    h("div", { class: "actions" },
      h("button", { key: "service", on: { click: () => page.open("service", place) } }, t("act.service")),
      h("button", { key: "accept", on: { click: () => page.open("accept", place) } }, t("act.accept_bed")),
      ask("test-alarm"), ask("reassert")),
    ["test-alarm", "reassert"].map((verb) => h("div", { key: `outcome-${verb}`, "data-verb": verb }, outcomeOf(page, targetOf(bed.edge, verb)))));
}

/** @param {Record<string, any>} page; its panel: {edge, bed, minutes} */
export function service(page) {
  return bedForm(page, t("verb.service"), ({ bed, therapy }) => {
    const minutes = page.panel.minutes ?? SERVICE_MIN.at(-1);
    const now = page.moment.pauses(bed).find((one) => one.reason === "service");
    const send = (seconds) => () => sendForm(page, bed, therapy, "service", { duration_s: seconds });
    return [
      h("p", { class: "question", key: "about" }, t(therapy?.patient ? "service.patient" : "service.about")),
      now ? h("dl", { class: "facts large", key: "now" }, fact(t("silence.service"), `${span(now.left)}, ${personOf(page.ward, now.by)}`)) : null,
      choice(t("service.for"), SERVICE_MIN, minutes, (one) => page.setPanel({ minutes: one, error: "" }), { label: (one) => `${one} ${unit("min")}` }),
      foot(page, {
        text: t("service.send", { minutes }), ready: true, send: send(minutes * 60),
        more: now ? h("button", { type: "button", key: "end", disabled: page.panel.busy, on: { click: send(0) } }, t("service.end")) : null,
      }),
    ];
  }, { patient: false });
}

/** @param {Record<string, any>} page; its panel: {edge, bed, answers, sheet} */
export function accept(page) {
  return bedForm(page, t("verb.bed-accepted"), ({ bed, therapy }) => {
    const { panel: state } = page;
    if (!globalThis.crypto?.subtle) return h("p", { class: "question" }, t("accept.insecure"));
    const answers = state.answers ?? {};
    const rows = devicesOf(page, bed);
    const faults = faultsOf(rows, answers);
    const ready = QUESTIONS.every((one) => answers[one]);
    const trying = targetOf(bed.edge, "test-alarm");
    const go = () => sendSheet(page, bed, therapy, { rows, answers, faults });
    const send = () => (page.ward.session ? go() : page.open("login", { user: null, pin: "", then: go }));
    return [
      h("dl", { class: "facts large", key: "devices" }, rows.map((one) => fact(one.place, one.text))),
      h("div", { class: "actions", key: "test" },
        h("button", { type: "button", disabled: page.acts.waits(trying), on: { click: () => page.acts.ask("test-alarm", bed.edge, {}, { target: trying }) } }, t("verb.test-alarm"))),
      outcomeOf(page, trying),
      QUESTIONS.map((one) => choice(t(`accept.${one}`), ANSWERS, answers[one], (answer) => page.setPanel({ answers: { ...page.panel.answers, [one]: answer }, error: "" }), { label: (answer) => t(`answer.${answer}`) })),
      ready ? h("dl", { class: "facts huge whole", key: "read" }, fact(bed.label ?? bed.bed, t(faults.length ? "accept.refused" : "accept.accepted"))) : null,
      ready && faults.length ? h("ul", { class: "notes", key: "faults" }, faults.map((one) => h("li", null, one))) : null,
      foot(page, { text: t("accept.send"), ready, send }),
      h("p", { class: "hint", key: "hint" }, t("accept.hint")),
    ];
  }, { patient: false });
}

/** What the edge says of each device of the bed. */
function devicesOf(page, bed) {
  const edge = page.ward.edges.get(bed.edge);
  const bindings = edge?.roster?.beds.find((one) => one.bed === bed.bed)?.bindings ?? [];
  const devices = (edge?.self_check ?? edge?.roster)?.devices ?? [];
  return bindings.map(({ port, channel, role }) => {
    const line = devices.find((one) => one.port === port);
    const who = line?.identities.find((one) => one.channel === channel);
    const link = line?.link ?? "unknown";
    const identity = who?.state ?? "none";
    const text = [t(`link.${link}`), who?.model, who?.serial_number, t(`identity.${identity}`)].filter(Boolean).join(" · ");
    return { place: `${t(`device.${role}`)} ${port} ${channel}`, text: line?.detail ? `${text} (${told(line.detail)})` : text, well: link === "up" && WELL.has(identity) };
  });
}

const faultsOf = (rows, answers) => [
  ...rows.filter((one) => !one.well).map((one) => `${one.place}: ${one.text}`),
  ...QUESTIONS.filter((one) => answers[one] === "no").map((one) => `${t(`accept.${one}`)} ${t("answer.no")}`),
];

/** The sheet, its SHA-256 into the journal, and then the sheet to whoever accepts. */
async function sendSheet(page, bed, therapy, { rows, answers, faults }) {
  const status = page.ward.edges.get(bed.edge)?.status;
  const result = faults.length ? "not accepted" : "accepted";
  const name = `acceptance-${bed.edge}-${bed.bed}-${new Date().toISOString().slice(0, 10)}.txt`;
  const text = [
    `${t("verb.bed-accepted")}: ${bed.label ?? bed.bed} (${bed.bed}), ${bed.edge}`, t(faults.length ? "accept.refused" : "accept.accepted"),
    `${new Date().toISOString()} ${page.ward.session?.name ?? ""}`, `${t("accept.program")} ${status?.version ?? "--"}, ${status?.run ?? "--"}`, "",
    ...rows.map((one) => `${one.place}: ${one.text}`), ...QUESTIONS.map((one) => `${t(`accept.${one}`)} ${t(`answer.${answers[one]}`)}`), "",
    ...(faults.length ? [t("accept.faults"), ...faults, ""] : []), t("accept.sign"), "",
  ].join("\n");
  const bytes = new TextEncoder().encode(text);
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");
  sendForm(page, bed, therapy, "bed-accepted", { result, sheet_sha256: digest }, { done: () => keep(name, bytes) });
}

/** Give a file to whoever sits there. */
function keep(name, bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
