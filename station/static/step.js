/** A step of the infusion, confirmed in one tap: the pump was set to another dose that the order allows. */

import { about, bedTarget } from "./actions.js";
import { outcomeOf } from "./alarm-card.js";
import { drugName } from "./alarm-text.js";
import { h } from "./dom.js";
import { dose, exact, nearest, places, plain } from "./number.js";
import { metric, orderOf } from "./ward.js";
import { local, t, unit } from "./words.js";

/** Nearer than this to the ordered next step, the pump's rounded rate means that step. */
const SAME = 0.02;
/** The edge asks from here on, and holds what is further above the maximum for no step. */
const ABOVE = 1.1;

/**
 * The steps that wait for a tap: each with what the pump gives and the step that would be confirmed.
 * @returns {Array<{channel: any, order: any, given: string, step: string}>}
 */
export function stepsAsked(page, bed, therapy) {
  if (!therapy?.patient || !page.moment.live(bed)) return [];
  return (bed.snapshot?.channels ?? []).flatMap((channel) => {
    const order = orderOf(therapy, channel);
    const rate = metric(channel.metrics, "dose_rate") ?? metric(channel.metrics, "dose_rate_mg_per_kg_per_h");
    if (!order || channel.state !== "infusing" || channel.link !== "up" || rate?.validity !== "valid" || rate.unit !== unitOf(order) || !exact(rate.value)) return [];
    const [given, now, most] = [rate.value, of(order, "step"), of(order, "maximum")].map(Number);
    const other = given > now * ABOVE || given < now / ABOVE;
    if (!other || given <= 0 || given > most * ABOVE) return [];
    return [{ channel, order, given: rate.value, step: stepOf(order, rate.value) }];
  });
}

/** A dose of the order in the unit of its drug's entry. */
const of = (order, name) => order.shown?.[name]?.split(" ")[0] ?? order[`${name}_mg_per_kg_per_h`];
const unitOf = (order) => order.dosing_unit ?? "mg/kg/h";

/** The ordered next step or the maximum where the pump runs at it, else what the pump gives, rounded. */
function stepOf(order, given) {
  const next = of(order, "increment") && sum(of(order, "step"), of(order, "increment"));
  const meant = [next, of(order, "maximum")].find((one) => one && Math.abs(Number(given) - Number(one)) <= SAME * Number(one));
  return plain(meant ?? nearest(given, places(given, unitOf(order))));
}

function sum(one, other) {
  const [a, b] = [exact(one), exact(other)];
  if (!a || !b) return null;
  const most = Math.max(a.places, b.places);
  const whole = (number) => number.whole * 10n ** BigInt(most - number.places);
  return nearest(`${whole(a) + whole(b)}e-${most}`, most);
}

const targetOf = (bed, channel) => `${bedTarget(bed)}/step/${channel.port}.${channel.channel}`;

/** The one tap. It names the step that is sent. */
export function stepButton(page, bed, therapy, { channel, order, step }, { short = false } = {}) {
  const target = targetOf(bed, channel);
  const named = { port: order.port, channel: order.channel, rev: order.rev, step: `${step} ${unitOf(order)}` };
  const plainly = t("step.yes", { step: local(step), unit: unit(unitOf(order)) });
  const said = therapy.orders.length > 1 ? `${drugName(order.drug)}: ${plainly}` : plainly;
  return h("button", {
    class: "step go", key: `step-${channel.port}.${channel.channel}`, disabled: page.acts.waits(target), "aria-label": `${said}: ${bed.label ?? bed.bed}`,
    on: { click: () => about(page, bed, therapy, "step", named, { target }) },
  }, page.acts.waits(target) ? t("act.pending") : short ? shortOf(therapy, order, step) : said);
}

/** Where two drugs run, a step without its drug could be of either. */
function shortOf(therapy, order, step) {
  const short = t("step.short", { step: local(step) });
  return therapy.orders.length > 1 ? `${drugName(order.drug)}: ${short}` : short;
}

/** On the bed's page: what the pump was set to, what is ordered, and the tap. */
export function steps(page, bed, therapy) {
  const found = stepsAsked(page, bed, therapy);
  const told = found.map((one) => outcomeOf(page, targetOf(bed, one.channel))).filter(Boolean);
  if (!found.length) return null;
  return h("section", { class: "awaiting steps", key: "steps" }, found.map((one) =>
    h("article", { key: `${one.channel.port}.${one.channel.channel}` },
      h("h2", null, t("step.asks", { drug: drugName(one.channel.drug || one.order.drug), given: local(dose(one.given, unitOf(one.order))), ordered: local(plain(of(one.order, "step"))), unit: unit(unitOf(one.order)) })),
      h("div", { class: "actions" }, stepButton(page, bed, therapy, one)))), told);
}
