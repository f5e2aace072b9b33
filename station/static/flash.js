/**
 * The flashes, by a timer for all: an endless animation of the browser's own wakes it sixty times a second, and costs a
 * screen's small computer a tenth of its processor. All flash together: a ward of lights out of step is unrest, and hides
 * the fastest. Where this does not run, what flashes is lit.
 */

/** Half a flash, in milliseconds: 2 a second for high, 0.6 for medium (IEC 60601-1-8: 1.4 to 2.8 and 0.4 to 0.8). */
const HALVES_MS = { high: 250, medium: 833 };

export function flash(root) {
  for (const [priority, ms] of Object.entries(HALVES_MS)) {
    setInterval(() => root.toggleAttribute(`data-${priority}-dark`), ms);
  }
}
