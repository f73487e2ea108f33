// The daemon's clock, as its answers tell it, and a beat for figures that grow.

import { signal } from "../kit.js";

let offsetMs = 0;

/** The daemon's time at the last beat, in ms since 1970. What reads it is drawn anew each second while the page is seen. */
export const beat = signal(Date.now());

/** @returns {number} the daemon's time, in ms since 1970 */
export function nowMs() {
  return Date.now() + offsetMs;
}

/**
 * Take the daemon's time from an answer.
 * @param {unknown} told
 */
export function setClock(told) {
  if (typeof told !== "number") return;
  // Within a second the difference is the way of the answer, not of the clocks.
  if (Math.abs(told - nowMs()) <= 1000) return;
  offsetMs = told - Date.now();
  beat.value = told;
}

/** Begin to beat. */
export function startBeat() {
  setInterval(() => {
    if (!document.hidden) beat.value = nowMs();
  }, 1000);
}
