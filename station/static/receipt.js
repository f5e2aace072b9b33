/**
 * Tells the server what this page really paints: what lies inside the window, under nothing else, on a page that is
 * visible and hears its server. The edge holds its alarms against it, and sounds at the bed what nobody is shown (H-19).
 */

import { here } from "./feed.js";

const EVERY_S = 3;
/** A change is told at once, but not more often than this. */
const LEAST_S = 0.3;

export class Receipts {
  /** @param {{ward: () => any, acts: import("./acts.js").Acts, audible: () => boolean, lost: () => boolean}} page */
  constructor(page) {
    this.page = page;
    this.last = "";
    this.sentAt = -Infinity;
    this.waiting = false;
  }

  /** What is painted now, by edge. */
  look() {
    const ward = this.page.ward();
    const edges = {};
    for (const [name, edge] of ward.edges) {
      if (edge.status) edges[name] = { run: edge.status.run, beds: new Set(), displayed: new Map() };
    }
    for (const node of document.querySelectorAll("[data-bed]")) {
      const [edge, bed] = node.dataset.bed.split("/");
      if (edges[edge] && shown(node)) edges[edge].beds.add(bed);
    }
    for (const node of document.querySelectorAll("[data-alarm]")) {
      const { edge, alarm } = ward.alarms.get(node.dataset.alarm) ?? {};
      if (!alarm || !edges[edge] || node.dataset.rev !== revision(alarm) || !shown(node)) continue;
      const { bed, key, occurrence, rev } = alarm;
      edges[edge].displayed.set(node.dataset.alarm, { bed, key, occurrence, rev });
    }
    for (const told of Object.values(edges)) {
      told.beds = [...told.beds].sort();
      told.displayed = [...told.displayed.values()];
    }
    return edges;
  }

  /** To be called after each painting, and every second. */
  tick() {
    if (document.visibilityState !== "visible" || this.page.lost() || !this.page.ward().ready) return;
    const now = here();
    if (now - this.sentAt < LEAST_S) {
      if (!this.waiting) {
        this.waiting = true;
        setTimeout(() => {
          this.waiting = false;
          this.tick();
        }, LEAST_S * 1000);
      }
      return;
    }
    const told = { page: this.page.ward().hello.page, audible: this.page.audible(), edges: this.look() };
    const text = JSON.stringify(told);
    if (text === this.last && now - this.sentAt < EVERY_S - 0.1) return;
    this.last = text;
    this.sentAt = now;
    this.page.acts.post("/receipt", told).catch(() => {
      // The next one comes in three seconds; a lost server is noticed by its beats.
    });
  }
}

export const revision = (alarm) => `${alarm.occurrence}/${alarm.rev}`;

/** Whether the middle of it is on the screen with nothing over it. */
function shown(node) {
  const box = node.getBoundingClientRect();
  if (!box.width || !box.height) return false;
  const x = box.left + box.width / 2;
  const y = box.top + Math.min(box.height / 2, 24);
  if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
  const top = document.elementFromPoint(x, y);
  return top !== null && (node.contains(top) || top.contains(node));
}
