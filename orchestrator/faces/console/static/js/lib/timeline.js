// Where the bars of a timeline stand: one lane for each job, as many rows in it as its runs overlap. Pure.

/**
 * @typedef {import("../types.js").Bar} Bar
 * @typedef {{ readonly bar: Bar, readonly row: number, readonly fromMs: number, readonly launchedMs: number | null,
 *   readonly untilMs: number }} Placed row: of all lanes together; until: its end, or now
 * @typedef {{ readonly job: string, readonly row: number, readonly rows: number, readonly count: number }} Lane
 * @typedef {{ readonly lanes: readonly Lane[], readonly placed: readonly Placed[], readonly rows: number }} Layout
 * @typedef {{ readonly sinceMs: number, readonly untilMs: number }} Range
 */

const MOST_ROWS = 60;
/** Runs that only look as if they overlapped, because a bar has a least width, get no more rows than these. */
const ROWS_FOR_SHORT = 3;

/**
 * Place the bars. Lanes are in the order of their names. A lane has at most 60 rows; what does not fit shares the last.
 * @param {readonly Bar[]} bars
 * @param {number} nowMs
 * @param {Range} range what is not in it takes no row
 * @param {number} [leastMs] a bar takes at least so much of its row, so that short ones can be told apart
 * @returns {Layout}
 */
export function layOut(bars, nowMs, range, leastMs = 0) {
  /** @type {Map<string, Bar[]>} */
  const jobs = new Map();
  for (const bar of bars) {
    const end = bar.completed_on_ms ?? nowMs;
    if (end < range.sinceMs || bar.started_on_ms > range.untilMs) continue;
    const others = jobs.get(bar.job_name);
    if (others) others.push(bar);
    else jobs.set(bar.job_name, [bar]);
  }
  /** @type {Lane[]} */
  const lanes = [];
  /** @type {Placed[]} */
  const placed = [];
  let row = 0;
  for (const job of [...jobs.keys()].sort()) {
    const own = (jobs.get(job) ?? []).sort((one, other) => one.started_on_ms - other.started_on_ms);
    /** @type {number[]} */
    const free = [];
    /** @type {number[]} */
    const ends = [];
    for (const bar of own) {
      const untilMs = bar.completed_on_ms ?? Math.max(nowMs, bar.started_on_ms);
      let place = free.findIndex((until) => until <= bar.started_on_ms);
      if (place < 0 && free.length >= ROWS_FOR_SHORT) place = ends.findIndex((end) => end <= bar.started_on_ms);
      if (place < 0) place = Math.min(free.length, MOST_ROWS - 1);
      ends[place] = Math.max(untilMs, ends[place] ?? untilMs);
      free[place] = Math.max(untilMs, bar.started_on_ms + leastMs);
      placed.push({ bar, row: row + place, fromMs: bar.started_on_ms, launchedMs: bar.launched_on_ms, untilMs });
    }
    lanes.push({ job, row, rows: free.length, count: own.length });
    row += free.length;
  }
  return { lanes, placed, rows: row };
}

/**
 * Return the lines from runs to what they preceded, where both have a bar.
 * @param {readonly Placed[]} placed
 * @returns {{ from: Placed, to: Placed }[]}
 */
export function linksOf(placed) {
  const byId = new Map(placed.map((one) => [one.bar.id, one]));
  return placed.flatMap((to) =>
    (to.bar.predecessors ?? []).flatMap((id) => {
      const from = byId.get(id);
      return from ? [{ from, to }] : [];
    }),
  );
}

/**
 * Return the range zoomed by a factor around an instant that stays where it is.
 * @param {Range} range
 * @param {number} factor below 1 shows less time
 * @param {number} aroundMs
 * @returns {Range} between ten seconds and sixty days
 */
export function zoomed(range, factor, aroundMs) {
  const span = range.untilMs - range.sinceMs;
  const next = Math.min(Math.max(span * factor, 10_000), 60 * 86_400_000);
  const share = (aroundMs - range.sinceMs) / span;
  const sinceMs = Math.round(aroundMs - share * next);
  return { sinceMs, untilMs: Math.round(sinceMs + next) };
}

/**
 * Return the bar that an arrow key leads to.
 * @param {readonly Placed[]} placed
 * @param {string} id where one is
 * @param {"ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown"} key
 * @returns {Placed | null}
 */
export function neighbour(placed, id, key) {
  const here = placed.find((one) => one.bar.id === id);
  if (!here) return placed[0] ?? null;
  /** @type {(one: Placed) => boolean} */
  const isThere =
    key === "ArrowLeft"
      ? (one) => one.row === here.row && one.fromMs < here.fromMs
      : key === "ArrowRight"
        ? (one) => one.row === here.row && one.fromMs > here.fromMs
        : key === "ArrowUp"
          ? (one) => one.row < here.row
          : (one) => one.row > here.row;
  const far = (/** @type {Placed} */ one) => Math.abs(one.row - here.row) * 1e13 + Math.abs(one.fromMs - here.fromMs);
  return placed
    .filter(isThere)
    .reduce((best, one) => (best === null || far(one) < far(best) ? one : best), /** @type {Placed | null} */ (null));
}
