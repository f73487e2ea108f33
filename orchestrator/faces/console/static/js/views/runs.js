// All runs, the newest first: filters that the address keeps, rows that come and move by themselves.

import { html, useEffect, useMemo, useRef, useState } from "../kit.js";
import { NO_FILTERS, filterCount, filterParams, parseFilters, unknownFilters } from "../lib/filters.js";
import { href } from "../lib/route.js";
import { told } from "../lib/run_row.js";
import { visible } from "../lib/visible.js";
import { clamp } from "../lib/windowing.js";
import { goTo, replaceParams, route } from "../net/address.js";
import { useKeys } from "../parts/keys.js";
import { Problem } from "../parts/marks.js";
import { useNearEnd, usePageRows } from "../parts/rows.js";
import { useTitle } from "../parts/title.js";
import { RunFilters } from "./run_filters.js";
import { useRunList } from "./run_list.js";
import { RunHead, RunRow } from "./run_table.js";

/** @typedef {import("../types.js").Run} Run */

/** @param {{ params: URLSearchParams }} props */
export function RunsView({ params }) {
  const key = params.toString();
  const filters = useMemo(() => parseFilters(params), [key]);
  // From what the address says when it happens: a field that is typed in tells later than it was drawn.
  const change = (/** @type {Partial<typeof filters>} */ some) => {
    if (route.value.view === "runs") replaceParams(filterParams({ ...parseFilters(route.value.params), ...some }));
  };
  useTitle("Runs");
  useKeys({ "/": () => document.getElementById("filter-text")?.focus() });
  const found = useRunList(filters);
  const count = filterCount(filters);
  const wrong = useMemo(() => unknownFilters(params), [key]);
  return html`<div class="page">
    <div class="head">
      <h1>Runs</h1>
      <p class="quiet" aria-live="polite">${told(found.list, count > 0)}</p>
      ${count > 0 && html`<button type="button" class="small" onClick=${() => replaceParams(filterParams(NO_FILTERS))}>Clear filters</button>`}
    </div>
    <${RunFilters} filters=${filters} onChange=${change} />
    ${wrong.length > 0 && html`<p class="problem" role="alert">Not known as a filter: ${visible(wrong.join(", "))}. All else that the address asks for is shown.</p>`}
    <${Problem} error=${found.error} />
    ${found.list.runs.length > 0 ? html`<${RunTable} found=${found} />` : html`<${Empty} found=${found} count=${count} />`}
  </div>`;
}

/** @param {{ found: ReturnType<typeof useRunList>, count: number }} props */
function Empty({ found, count }) {
  if (!found.list.isBegun || found.error) return null;
  if (found.isLoading) return html`<p class="empty">Looking through older runs…</p>`;
  return html`<p class="empty">
    ${count > 0 ? "No run matches." : "There are no runs yet. A job's page starts one."}
    ${count === 0 && html` <a href="#/jobs">To the jobs</a>`}
  </p>`;
}

/** @param {{ found: ReturnType<typeof useRunList> }} props */
function RunTable({ found }) {
  const { list, movedBy } = found;
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const { rows, rowHeight } = usePageRows(body, list.runs.length);
  const [chosen, setChosen] = useState("");
  const end = useNearEnd(found.more, list.next);
  useStay(movedBy, rowHeight);
  const go = (/** @type {number} */ by) => {
    const here = list.runs.findIndex((run) => run.id === chosen);
    const seen = Math.ceil(Math.max(-(body.current?.getBoundingClientRect().top ?? 0), 0) / rowHeight);
    const place = clamp(here < 0 ? seen : here + by, 0, list.runs.length - 1);
    const run = list.runs[place];
    if (!run) return;
    setChosen(run.id);
    showRow(body.current, place, rowHeight);
  };
  const open = () => {
    if (list.runs.some((run) => run.id === chosen)) goTo(href("run", {}, chosen));
  };
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    ArrowDown: () => go(1),
    ArrowUp: () => go(-1),
    Home: () => scrollTo({ top: 0 }),
    Enter: (event) => {
      // A link or a button that has the focus does its own.
      const target = /** @type {HTMLElement} */ (event.target);
      if (target.matches("a, button")) target.click();
      else open();
    },
  });
  useEffect(() => {
    if (chosen) document.getElementById(`run-${chosen}`)?.focus({ preventScroll: true });
  }, [chosen, rows.first]);
  return html`<table class="runs" aria-rowcount=${list.next === null ? list.runs.length + 1 : -1}>
      <${RunHead} />
      <tbody ref=${body}>
        ${rows.above > 0 && html`<tr key="above" aria-hidden="true" class="spacer"><td style=${{ height: `${rows.above}px` }}></td></tr>`}
        ${list.runs.slice(rows.first, rows.last).map((run, place) => html`<${RunRow} key=${run.id} run=${run} place=${rows.first + place} isChosen=${run.id === chosen} />`)}
        ${rows.below > 0 && html`<tr key="below" aria-hidden="true" class="spacer"><td style=${{ height: `${rows.below}px` }}></td></tr>`}
      </tbody>
    </table>
    <div ref=${end} class="list-end quiet">${list.next !== null ? "Reading more…" : ""}</div>`;
}

/** Keep what one reads where it is when rows come in above it. @param {{ rows: number, turn: number }} moved @param {number} rowHeight */
function useStay(moved, rowHeight) {
  useEffect(() => {
    if (moved.rows > 0 && scrollY > 200) scrollBy({ top: moved.rows * rowHeight, behavior: "instant" });
  }, [moved.turn]);
}

/** Scroll so that a row is seen whole, below what sticks at the top. @param {HTMLElement | null} body @param {number} place @param {number} rowHeight */
function showRow(body, place, rowHeight) {
  if (!body) return;
  const top = body.getBoundingClientRect().top + place * rowHeight;
  const covered = 2.2 * rowHeight + 48;
  if (top < covered) scrollBy({ top: top - covered, behavior: "instant" });
  else if (top + rowHeight > innerHeight) scrollBy({ top: top + rowHeight - innerHeight + 8, behavior: "instant" });
}
