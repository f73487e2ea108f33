// A list of runs, the newest first, as pages and events fill it. Pure: each function returns a new list.

/**
 * @typedef {import("../types.js").Run} Run
 * @typedef {{ readonly runs: readonly Run[], readonly next: string | null, readonly isBegun: boolean }} RunList
 *   next: what the next page is asked with; null where the list is whole
 */

/** @type {RunList} */
export const EMPTY = Object.freeze({ runs: [], next: null, isBegun: false });

/**
 * Add what a page holds. A run that is there already stays where it is, as the page has it.
 * @param {RunList} list
 * @param {readonly Run[]} runs
 * @param {string | null} next
 * @returns {RunList}
 */
export function addPage(list, runs, next) {
  const places = new Map(list.runs.map((run, place) => [run.id, place]));
  const all = [...list.runs];
  for (const run of runs) {
    const place = places.get(run.id);
    if (place === undefined) all.push(run);
    else all[place] = run;
  }
  return { runs: all, next, isBegun: true };
}

/**
 * Take in runs as events tell them, the oldest event first. What does not match any more leaves, what is new comes where it belongs.
 * An event leaves a run's arguments out; they do not change, so a run that is there keeps its own.
 * @param {RunList} list
 * @param {readonly Run[]} runs
 * @param {(run: Run) => boolean} isWanted
 * @returns {RunList}
 */
export function applyRuns(list, runs, isWanted) {
  const all = [...list.runs];
  for (const told of runs) {
    const place = all.findIndex((one) => one.id === told.id);
    const known = all[place]?.arguments;
    const run = known === undefined ? told : { arguments: known, ...told };
    if (place >= 0 && isWanted(run)) all[place] = run;
    else if (place >= 0) all.splice(place, 1);
    else if (isWanted(run) && belongs(all, run, list.next)) all.splice(placeOf(all, run), 0, run);
  }
  return { ...list, runs: all };
}

/**
 * Return how many of the runs of `after` are above the first run of `before`: how far what one reads has moved down.
 * @param {readonly Run[]} before
 * @param {readonly Run[]} after
 * @returns {number}
 */
export function movedBy(before, after) {
  const first = before[0];
  if (!first) return 0;
  return Math.max(
    after.findIndex((run) => run.id === first.id),
    0,
  );
}

/** Say whether a run is in the part of the list that was read. @param {Run[]} all @param {Run} run @param {string | null} next */
function belongs(all, run, next) {
  const oldest = all.at(-1);
  return next === null || (oldest !== undefined && run.started_on_ms >= oldest.started_on_ms);
}

/** @param {Run[]} all @param {Run} run @returns {number} */
function placeOf(all, run) {
  const place = all.findIndex((one) => one.started_on_ms <= run.started_on_ms);
  return place < 0 ? all.length : place;
}
