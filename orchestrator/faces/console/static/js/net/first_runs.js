// The newest runs, as they came with the page: what most people come for needs no question of its own.

import { setClock } from "./clock.js";

/** @typedef {{ now_ms: number, runs: import("../types.js").Run[], next: string | null }} Page */

const element = document.getElementById("newest-runs");
/** @type {Page | null} */
let first = element ? JSON.parse(element.textContent || "null") : null;
element?.remove();

/**
 * Return what `GET /runs` answered when the page was sent, or null where that was shown or forgotten.
 * @returns {Page | null}
 */
export function takeFirstRuns() {
  const taken = first;
  first = null;
  if (taken !== null) setClock(taken.now_ms);
  return taken;
}
