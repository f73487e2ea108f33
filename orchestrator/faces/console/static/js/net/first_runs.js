// The newest runs, as they came with the page: what most people come for needs no question of its own.

/** @typedef {{ now_ms: number, runs: import("../types.js").Run[], next: string | null }} Page */

const element = document.getElementById("newest-runs");
/** @type {Page | null} */
let first = element ? JSON.parse(element.textContent || "null") : null;
element?.remove();

/**
 * Return what `GET /runs` answered when the page was sent, or null where that was taken.
 * @returns {Page | null}
 */
export function firstRuns() {
  return first;
}

/** Return it for the last time: who takes it keeps it true, or it is too old to be shown. */
export function takeFirstRuns() {
  const taken = first;
  first = null;
  return taken;
}
