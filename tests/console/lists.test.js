// Lists of runs: filters and addresses, pages and events, which rows are drawn.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dependsOnArguments,
  filterCount,
  filterParams,
  filterQuery,
  matches,
  parseFilters,
  spanMs,
  spelledSpan,
  unknownFilters,
} from "../../orchestrator/faces/console/static/js/lib/filters.js";
import { href, parseRoute } from "../../orchestrator/faces/console/static/js/lib/route.js";
import { EMPTY, addPage, applyRuns, movedBy } from "../../orchestrator/faces/console/static/js/lib/run_list.js";
import { ArgumentsFinder } from "../../orchestrator/faces/console/static/js/net/run_arguments.js";
import { rowsToDraw } from "../../orchestrator/faces/console/static/js/lib/windowing.js";

/** @typedef {import("../../orchestrator/faces/console/static/js/types.js").Run} Run */

/** A run as an event tells it: without its arguments. @param {string} id @param {number} startedOnMs @param {Partial<Run>} [some] @returns {Run} */
function aRun(id, startedOnMs, some = {}) {
  return /** @type {Run} */ ({
    id,
    job_name: "load",
    state: "RUNNING",
    started_on_ms: startedOnMs,
    trigger_name: null,
    error_message: null,
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

test("filters that make no sense are told", () => {
  const told = (/** @type {string} */ query) => unknownFilters(new URLSearchParams(query));
  assert.deepEqual(told("state=NONE,FAILED,late&since=yesterday&until=12x&stat=FAILED"), [
    "state=NONE",
    "state=late",
    "since=yesterday",
    "until=12x",
    "stat=FAILED",
  ]);
  assert.deepEqual(told("state=FAILED,TIMEOUT&job=a,b&text=x=y&since=6h&until=5000&trigger="), []);
});

test("filters that make no sense are left out", () => {
  const filters = parseFilters(new URLSearchParams("state=NONE,FAILED&since=yesterday&until=12x"));
  assert.deepEqual([filters.states, filters.since, filters.until], [["FAILED"], "", ""]);
});

test("the daemon is asked for instants", () => {
  const filters = parseFilters(new URLSearchParams("since=1h&until=5000&state=FAILED"));
  assert.deepEqual(filterQuery(filters, 3_600_100), { state: "FAILED", since_ms: 100, until_ms: 5000 });
});

test("a run whose arguments are known is judged as the daemon would", () => {
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

test("a run that an event brings depends on its arguments where nothing else of it has the text", () => {
  const run = aRun("jr_1", 1000);
  const depends = (/** @type {string} */ query, /** @type {Run} */ one = run) =>
    dependsOnArguments(one, parseFilters(new URLSearchParams(query)), 2000);
  assert.ok(depends("text=monday"));
  assert.ok(depends("text=monday&state=RUNNING&job=load"));
  for (const query of ["", "text=LOAD", "text=monday&state=FAILED", "text=monday&job=other"])
    assert.ok(!depends(query));
  assert.ok(!depends("text=monday", aRun("jr_1", 1000, { arguments: {} })));
});

test("a run that was found by its arguments stays through the events that leave them out", () => {
  const filters = parseFilters(new URLSearchParams("text=monday"));
  const isWanted = (/** @type {Run} */ run) => matches(run, filters, 2000);
  const page = addPage(EMPTY, [aRun("b", 2, { arguments: { "--day": "monday" } })], null);
  const list = applyRuns(page, [aRun("b", 2, { state: "STOPPING" }), aRun("b", 2, { state: "STOPPED" })], isWanted);
  assert.deepEqual(
    list.runs.map((run) => [run.id, run.state, run.arguments]),
    [["b", "STOPPED", { "--day": "monday" }]],
  );
});

/** Answers when it is told to. */
class Daemon {
  /** @type {Map<string, (found: Run["arguments"]) => void>} */
  asked = new Map();
  /** @type {(run: Run) => Promise<Run["arguments"]>} */
  find = (run) => new Promise((resolve) => this.asked.set(run.id, resolve));
  /** @param {string} id @param {Run["arguments"]} found */
  async answer(id, found) {
    this.asked.get(id)?.(found);
    this.asked.delete(id);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("arguments are asked for a few runs at a time, once, and told with what the newest event says", async () => {
  const daemon = new Daemon();
  /** @type {Run[]} */
  const found = [];
  const finder = new ArgumentsFinder(daemon.find, (run) => found.push(run));
  for (const id of ["a", "b", "c", "d"]) finder.want(aRun(id, 1));
  assert.deepEqual([...daemon.asked.keys()], ["a", "b"]);
  finder.want(aRun("a", 1, { state: "FAILED" }));
  finder.want(aRun("d", 1, { state: "STOPPED" }));
  await daemon.answer("a", { "--day": "monday" });
  assert.deepEqual([...daemon.asked.keys()], ["b", "c"]);
  await daemon.answer("b", undefined);
  await daemon.answer("c", null);
  await daemon.answer("d", {});
  assert.deepEqual(
    found.map((run) => [run.id, run.state, run.arguments]),
    [
      ["a", "FAILED", { "--day": "monday" }],
      ["c", "RUNNING", null],
      ["d", "STOPPED", {}],
    ],
  );
  assert.deepEqual(finder.completed(aRun("a", 1)).arguments, { "--day": "monday" });
  assert.equal(finder.completed(aRun("b", 1)).arguments, undefined);
});

test("what was asked for is not told when nobody wants it any more, and few wait", async () => {
  const daemon = new Daemon();
  const found = /** @type {Run[]} */ ([]);
  const finder = new ArgumentsFinder(daemon.find, (run) => found.push(run));
  for (let number = 0; number < 1000; number += 1) finder.want(aRun(`${number}`, 1));
  assert.ok(finder.waiting.size <= 500 && finder.waiting.has("999"));
  finder.end();
  await daemon.answer("0", {});
  assert.deepEqual([found.length, daemon.asked.size], [0, 1]);
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

test("a span is spelled so that it is read as long as it was", () => {
  for (const text of ["10s", "450s", "15m", "1h", "90m", "1d", "60d"])
    assert.equal(spelledSpan(spanMs(text) ?? 0), text);
  assert.equal(spelledSpan(112_499), "112s");
  assert.equal(spelledSpan(60 * 86_400_000 - 1), "60d");
});
