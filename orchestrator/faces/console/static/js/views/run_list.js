// Hook: the runs that filters ask for, page by page, kept true by events.

import { useLayoutEffect, useRef, useState } from "../kit.js";
import { dependsOnArguments, filterCount, filterQuery, matches } from "../lib/filters.js";
import { EMPTY, addPage, applyRuns, movedBy } from "../lib/run_list.js";
import { ApiError, ask } from "../net/api.js";
import { nowMs } from "../net/clock.js";
import { takeFirstRuns } from "../net/first_runs.js";
import { epoch, onRuns } from "../net/live.js";
import { ArgumentsFinder } from "../net/run_arguments.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {{ runs: Run[], next: string | null }} Page */

const FIRST_PAGE = 60;
const PAGE = 500;
const LARGEST_PAGE = 1000;
/** A look through this many pages in which nothing matches waits until somebody scrolls on. */
const MOST_PAGES = 20;

/** @param {import("../lib/filters.js").RunFilters} filters */
export function useRunList(filters) {
  const [first] = useState(() => (filterCount(filters) === 0 ? takeFirstRuns() : null));
  const [state, setState] = useState(() => ({
    list: first ? addPage(EMPTY, first.runs, first.next) : EMPTY,
    error: /** @type {ApiError | null} */ (null),
    isLoading: first === null,
  }));
  // What came with the page is true, as the stream begins where the page was sent.
  const isTrue = useRef(first !== null);
  const [moved, setMoved] = useState({ rows: 0, turn: 0 });
  const current = useRef(state.list);
  const reader = useRef(/** @type {Reader | null} */ (null));
  const show = (/** @type {typeof EMPTY} */ list, /** @type {Partial<typeof state>} */ more = {}) => {
    const rows = movedBy(current.current.runs, list.runs);
    current.current = list;
    setState((before) => ({ ...before, ...more, list }));
    if (rows > 0) setMoved((before) => ({ rows, turn: before.turn + 1 }));
  };
  const isWanted = (/** @type {Run} */ run) => matches(run, filters, nowMs());

  // Not after the first frame was drawn, as effects would be: that takes longer than the answer.
  useLayoutEffect(() => {
    if (isTrue.current) return;
    current.current = EMPTY;
    setState({ list: EMPTY, error: null, isLoading: true });
  }, [filters]);

  useLayoutEffect(() => {
    const own = new Reader(
      filters,
      ({ runs, next }, isMore, fresh) => {
        const list = addPage(isMore ? current.current : EMPTY, runs, next);
        show(applyRuns(list, fresh, isWanted), { error: null, isLoading: false });
      },
      (error) => setState((was) => ({ ...was, error, isLoading: false })),
    );
    reader.current = own;
    const take = (/** @type {Run[]} */ runs) => {
      own.heard(runs);
      if (current.current.isBegun) show(applyRuns(current.current, runs, isWanted));
    };
    const finder = new ArgumentsFinder(
      (run) => argumentsOf(run, own.controller.signal),
      (run) => isWanted(run) && take([run]),
    );
    const end = onRuns((told) => {
      const runs = told.map((run) => finder.completed(run));
      take(runs);
      for (const run of runs) {
        if (dependsOnArguments(run, filters, nowMs()) && !has(current.current, run)) finder.want(run);
      }
    });
    // After a loss all that was read is read anew: any of it may have changed.
    if (!isTrue.current) void own.read(null, Math.max(current.current.runs.length, FIRST_PAGE));
    isTrue.current = false;
    return () => {
      end();
      finder.end();
      own.end();
    };
  }, [filters, epoch.value]);

  const more = () => {
    const { next } = current.current;
    if (next !== null) void reader.current?.read(next, 1);
  };
  return { ...state, movedBy: moved, more };
}

/** @param {typeof EMPTY} list @param {Run} run */
function has(list, run) {
  return list.runs.some((one) => one.id === run.id);
}

/**
 * Ask for a run's arguments; undefined where it is gone.
 * @param {Run} run
 * @param {AbortSignal} signal
 * @returns {Promise<Run["arguments"]>}
 */
async function argumentsOf(run, signal) {
  // A prefix finds a run with its retries, in the order of their attempts.
  const query = { prefix: run.id.replace(/_attempt_\d+$/, ""), limit: Math.min(run.attempt + 1, LARGEST_PAGE) };
  const { runs } = /** @type {Page} */ (await ask("/runs", query, signal));
  return runs.find((one) => one.id === run.id)?.arguments;
}

/** Reads pages one after the other, and remembers what events said meanwhile: it is newer than what a page holds. */
class Reader {
  /**
   * @param {import("../lib/filters.js").RunFilters} filters
   * @param {(page: Page, isMore: boolean, fresh: Run[]) => void} onPage
   * @param {(error: ApiError) => void} onError
   */
  constructor(filters, onPage, onError) {
    this.filters = filters;
    this.onPage = onPage;
    this.onError = onError;
    this.controller = new AbortController();
    this.isReading = false;
    /** @type {Run[]} */
    this.fresh = [];
  }

  /** @param {Run[]} runs */
  heard(runs) {
    if (this.isReading) this.fresh.push(...runs);
  }

  end() {
    this.controller.abort();
  }

  /**
   * Read on behind `before`, or from the newest, until there are `least` runs or no more.
   * @param {string | null} before
   * @param {number} least
   */
  async read(before, least) {
    if (this.isReading) return;
    this.isReading = true;
    this.fresh = [];
    /** @type {Page} */
    const all = { runs: [], next: before };
    try {
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const limit = before === null ? Math.min(least - all.runs.length, LARGEST_PAGE) : PAGE;
        const query = { ...filterQuery(this.filters, nowMs()), limit, before: all.next };
        const answer = /** @type {Page} */ (await ask("/runs", query, this.controller.signal));
        all.runs.push(...answer.runs);
        all.next = answer.next;
        if (all.next === null || all.runs.length >= least) break;
      }
      this.isReading = false;
      this.onPage(all, before !== null, this.fresh);
    } catch (error) {
      this.isReading = false;
      if (this.controller.signal.aborted) return;
      this.onError(error instanceof ApiError ? error : new ApiError(0, "Error", String(error)));
    }
  }
}
