// What the page knows of the states of runs, triggers and workflow runs. Pure.

/** The states of a run, in the order in which they are offered as filters. */
export const STATES = /** @type {const} */ ([
  "WAITING",
  "STARTING",
  "RUNNING",
  "STOPPING",
  "SUCCEEDED",
  "FAILED",
  "TIMEOUT",
  "STOPPED",
  "ERROR",
]);

const LIVE = new Set(["WAITING", "STARTING", "RUNNING", "STOPPING"]);
const KINDS = new Map([
  ["WAITING", "waiting"],
  ["STARTING", "starting"],
  ["RUNNING", "running"],
  ["STOPPING", "stopping"],
  ["SUCCEEDED", "succeeded"],
  ["COMPLETED", "succeeded"],
  ["FAILED", "failed"],
  ["ERROR", "error"],
  ["TIMEOUT", "timeout"],
  ["STOPPED", "stopped"],
  ["ACTIVATED", "on"],
  ["CREATED", "off"],
  ["DEACTIVATED", "off"],
]);

/**
 * Say whether a run in this state can still change.
 * @param {string} state
 */
export function isLive(state) {
  return LIVE.has(state);
}

/**
 * Say whether a run in this state has ended, and not well.
 * @param {string} state
 */
export function hasFailed(state) {
  return !isLive(state) && state !== "SUCCEEDED";
}

/**
 * Return the kind of mark that tells a state: its colour and its shape. Unknown states are told by a plain dot.
 * @param {string} state
 * @returns {string}
 */
export function kindOf(state) {
  return KINDS.get(state) ?? "unknown";
}

/**
 * Return a state as a word in a sentence: "Succeeded".
 * @param {string} state
 */
export function wordOf(state) {
  return state.charAt(0) + state.slice(1).toLowerCase();
}
