// Lists of runs: filters and addresses, pages and events, which rows are drawn.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  filterCount,
  filterParams,
  filterQuery,
  matches,
  parseFilters,
} from "../../orchestrator/faces/console/static/js/lib/filters.js";
import { href, parseRoute } from "../../orchestrator/faces/console/static/js/lib/route.js";
import { EMPTY, addPage, applyRuns, movedBy } from "../../orchestrator/faces/console/static/js/lib/run_list.js";
import { rowsToDraw } from "../../orchestrator/faces/console/static/js/lib/windowing.js";

/** @typedef {import("../../orchestrator/faces/console/static/js/types.js").Run} Run */

/** @param {string} id @param {number} startedOnMs @param {Partial<Run>} [some] @returns {Run} */
function aRun(id, startedOnMs, some = {}) {
  return /** @type {Run} */ ({
    id,
    job_name: "load",
    state: "RUNNING",
    started_on_ms: startedOnMs,
    trigger_name: null,
    error_message: null,
    arguments: {},
    ...some,
  });
}

const all = () => true;
const ids = (/** @type {typeof EMPTY} */ list) => list.runs.map((run) => run.id).join("");

test("an address keeps view, id and filters", () => {
  const address = href("runs", { job: "a/b & c?", state: "FAILED,TIMEOUT", text: "", since: "6h" });
  assert.equal(address, "#/runs?job=a%2Fb+%26+c%3F&state=FAILED,TIMEOUT&since=6h");
  const { view, params } = parseRoute(address);
  assert.equal(view, "runs");
  const filters = parseFilters(params);
  assert.deepEqual(filters, {
    job: "a/b & c?",
    states: ["FAILED", "TIMEOUT"],
    trigger: "",
    text: "",
    since: "6h",
    until: "",
  });
  assert.deepEqual(parseFilters(new URLSearchParams(filterParams(filters))), filters);
  assert.equal(filterCount(filters), 3);
  assert.equal(parseRoute(href("run", {}, "jr_1/%?")).id, "jr_1/%?");
  assert.deepEqual([parseRoute("").view, parseRoute("#/run/%zz").id], ["runs", "%zz"]);
});

test("filters that make no sense are left out", () => {
  const filters = parseFilters(new URLSearchParams("state=NONE,FAILED&since=yesterday&until=12x"));
  assert.deepEqual([filters.states, filters.since, filters.until], [["FAILED"], "", ""]);
});

test("the daemon is asked for instants", () => {
  const filters = parseFilters(new URLSearchParams("since=1h&until=5000&state=FAILED"));
  assert.deepEqual(filterQuery(filters, 3_600_100), { state: "FAILED", since_ms: 100, until_ms: 5000 });
});

test("a run that an event brings is judged as the daemon would", () => {
  const run = aRun("jr_1", 1000, {
    error_message: "No such column: PRICE",
    arguments: { "--day": "2013-01-01" },
    trigger_name: "nightly",
  });
  const yes = [
    "job=load",
    "state=RUNNING,FAILED",
    "trigger=nightly",
    "text=price",
    "text=2013-01",
    "since=1000",
    "until=1001",
    "",
  ];
  const no = ["job=loa", "state=FAILED", "trigger=night", "text=cost", "since=1001", "until=1000"];
  for (const query of yes) assert.ok(matches(run, parseFilters(new URLSearchParams(query)), 2000), query);
  for (const query of no) assert.ok(!matches(run, parseFilters(new URLSearchParams(query)), 2000), query);
});

test("pages follow each other, and a run is there once", () => {
  const first = addPage(EMPTY, [aRun("d", 4), aRun("c", 3)], "3");
  const second = addPage(first, [aRun("c", 3, { state: "FAILED" }), aRun("b", 2)], null);
  assert.equal(ids(second), "dcb");
  assert.equal(second.runs[1]?.state, "FAILED");
  assert.equal(second.next, null);
});

test("a new run comes where it belongs, one that moves stays, one that does not match leaves", () => {
  const list = addPage(EMPTY, [aRun("d", 4), aRun("b", 2)], "2");
  assert.equal(ids(applyRuns(list, [aRun("e", 5)], all)), "edb");
  assert.equal(ids(applyRuns(list, [aRun("c", 3)], all)), "dcb");
  assert.equal(ids(applyRuns(list, [aRun("f", 4)], all)), "fdb");
  assert.equal(ids(applyRuns(list, [aRun("b", 2, { state: "FAILED" })], (run) => run.state === "RUNNING")), "d");
  assert.equal(ids(applyRuns(list, [aRun("x", 9)], () => false)), "db");
});

test("a run below what was read is left to the page that holds it", () => {
  const list = addPage(EMPTY, [aRun("d", 4), aRun("b", 2)], "2");
  assert.equal(ids(applyRuns(list, [aRun("a", 1)], all)), "db");
  assert.equal(ids(applyRuns({ ...list, next: null }, [aRun("a", 1)], all)), "dba");
});

test("what one reads stays where it is", () => {
  const list = addPage(EMPTY, [aRun("b", 2)], null);
  assert.equal(movedBy(list.runs, applyRuns(list, [aRun("c", 3), aRun("d", 4)], all).runs), 2);
  assert.equal(movedBy([], list.runs), 0);
});

test("few rows are drawn of many, and their heights add up", () => {
  for (const top of [0, 1, 35, 36, 17_000, 179_000, 1e9]) {
    const rows = rowsToDraw({ count: 5000, rowHeight: 36, top, height: 800 });
    assert.ok(rows.last - rows.first <= 60, `${rows.last - rows.first} rows at ${top}`);
    assert.equal(rows.above + rows.below + (rows.last - rows.first) * 36, 5000 * 36);
    if (top < 179_000) assert.ok(rows.first * 36 <= top && rows.last * 36 >= top + 800);
  }
  assert.deepEqual(rowsToDraw({ count: 0, rowHeight: 36, top: 0, height: 800 }), {
    first: 0,
    last: 0,
    above: 0,
    below: 0,
  });
});
