// What the list of runs tells of a run. Pure: the clock comes in as an argument.

import { counted, duration, NOTHING } from "./format.js";
import { isLive } from "./states.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {Pick<Run, "state" | "started_on_ms" | "launched_on_ms" | "completed_on_ms">} Timed */

/** The columns, each with the class of its cells and its head. */
export const COLUMNS = /** @type {const} */ ([
  ["c-state", "State"],
  ["c-job", "Job"],
  ["c-id", "Run"],
  ["c-time", "Started"],
  ["c-duration", "Duration"],
  ["c-trigger", "Trigger"],
  ["c-dpu", "DPU"],
  ["c-told", "Note"],
]);

/**
 * Tell how many runs there are, as far as is known.
 * @param {import("./run_list.js").RunList} list
 * @param {boolean} isFiltered
 */
export function told(list, isFiltered) {
  if (!list.isBegun) return "Reading…";
  return `${counted(list.runs.length, "run")}${isFiltered ? " match" : ""}${list.next === null ? "" : ", more below"}`;
}

/**
 * Tell how long a run ran, or has been running; before its launch, how long it waits.
 * @param {Timed} run
 * @param {number} nowMs
 * @returns {{ text: string, kind: string | undefined, title: string | undefined }} kind: the class of what shows it
 */
export function spanOf(run, nowMs) {
  const none = { text: NOTHING, kind: "quiet", title: undefined };
  if (run.completed_on_ms !== null) {
    if (run.launched_on_ms === null) return { ...none, title: "It never ran." };
    return { text: duration(run.completed_on_ms - run.launched_on_ms), kind: undefined, title: undefined };
  }
  if (!isLive(run.state)) return none;
  const sinceMs = run.launched_on_ms ?? run.started_on_ms;
  const text = duration(Math.max(Math.floor((nowMs - sinceMs) / 1000), 0) * 1000).replace(/\.0 s$/, " s");
  return run.launched_on_ms === null
    ? { text: `waits ${text}`, kind: "quiet", title: "It waits for so long." }
    : { text, kind: "growing", title: undefined };
}

/** @param {Run} run */
export function noteOf(run) {
  return run.state_detail ?? run.error_message ?? "";
}
