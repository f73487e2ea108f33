// Where bars and nodes stand, what differs between texts, what is done with arguments and samples, why a run waits.

import assert from "node:assert/strict";
import { test } from "node:test";
import { comparable, diffLines } from "../../orchestrator/faces/console/static/js/lib/diff.js";
import { argumentsOf, problemOf, rowsOf } from "../../orchestrator/faces/console/static/js/lib/edited_arguments.js";
import { graphOf, layOutGraph } from "../../orchestrator/faces/console/static/js/lib/graph.js";
import { LogBuffer, findLines, markHits } from "../../orchestrator/faces/console/static/js/lib/log_buffer.js";
import { reasonsOf } from "../../orchestrator/faces/console/static/js/lib/reasons.js";
import { capacityColumns, sampleColumns, used } from "../../orchestrator/faces/console/static/js/lib/steps.js";
import { ticks } from "../../orchestrator/faces/console/static/js/lib/ticks.js";
import { layOut, linksOf, neighbour, zoomed } from "../../orchestrator/faces/console/static/js/lib/timeline.js";

/** @typedef {import("../../orchestrator/faces/console/static/js/types.js").Bar} Bar */

/** @param {string} id @param {string} job @param {number} from @param {number | null} until @param {string[]} [predecessors] @returns {Bar} */
function aBar(id, job, from, until, predecessors = []) {
  return {
    id,
    job_name: job,
    state: "SUCCEEDED",
    attempt: 0,
    trigger_name: null,
    chain_key: null,
    started_on_ms: from,
    launched_on_ms: from,
    completed_on_ms: until,
    dpu: 1,
    predecessors,
  };
}

const RANGE = { sinceMs: 0, untilMs: 1000 };

test("runs of one job that overlap stand below each other, others share a row", () => {
  const { lanes, placed, rows } = layOut(
    [aBar("1", "b", 0, 100), aBar("2", "b", 50, 150), aBar("3", "b", 100, 200), aBar("4", "a", 0, null)],
    500,
    RANGE,
  );
  assert.deepEqual(
    lanes.map(({ job, row, rows: own }) => [job, row, own]),
    [
      ["a", 0, 1],
      ["b", 1, 2],
    ],
  );
  assert.deepEqual(
    placed.map(({ bar, row, untilMs }) => [bar.id, row, untilMs]),
    [
      ["4", 0, 500],
      ["1", 1, 100],
      ["2", 2, 150],
      ["3", 1, 200],
    ],
  );
  assert.equal(rows, 3);
});

test("what is not in the time shown takes no row, and a thousand at once take few", () => {
  assert.equal(layOut([aBar("1", "a", 2000, 3000)], 5000, RANGE).rows, 0);
  const many = Array.from({ length: 1000 }, (_, number) => aBar(String(number), "a", 1, 900));
  const begun = performance.now();
  assert.equal(layOut(many, 1000, RANGE).rows, 60);
  const short = Array.from({ length: 20 }, (_, place) => aBar(String(place), "a", place * 10, place * 10 + 5));
  assert.equal(layOut(short, 1000, RANGE, 500).rows, 3);
  assert.ok(performance.now() - begun < 200);
});

test("lines lead from runs to what they preceded", () => {
  const { placed } = layOut([aBar("1", "a", 0, 10), aBar("2", "b", 11, 20, ["1", "gone"])], 20, RANGE);
  assert.deepEqual(
    linksOf(placed).map(({ from, to }) => [from.bar.id, to.bar.id]),
    [["1", "2"]],
  );
});

test("the arrow keys lead from bar to bar", () => {
  const { placed } = layOut([aBar("1", "a", 0, 10), aBar("2", "a", 20, 30), aBar("3", "b", 21, 25)], 30, RANGE);
  assert.equal(neighbour(placed, "1", "ArrowRight")?.bar.id, "2");
  assert.equal(neighbour(placed, "2", "ArrowDown")?.bar.id, "3");
  assert.equal(neighbour(placed, "3", "ArrowUp")?.bar.id, "2");
  assert.equal(neighbour(placed, "1", "ArrowLeft"), null);
  assert.equal(neighbour(placed, "none", "ArrowLeft")?.bar.id, "1");
});

test("zooming keeps an instant where it is", () => {
  const next = zoomed({ sinceMs: 0, untilMs: 100_000 }, 0.5, 25_000);
  assert.deepEqual(next, { sinceMs: 12_500, untilMs: 62_500 });
  assert.equal(zoomed({ sinceMs: 0, untilMs: 10_000 }, 0.5, 0).untilMs, 10_000);
});

test("a time axis has marks at round times", () => {
  const marks = ticks(Date.UTC(2026, 0, 1, 0, 0, 3), Date.UTC(2026, 0, 1, 0, 10), 6);
  assert.deepEqual(
    marks.map(({ atMs }) => new Date(atMs).getUTCMinutes()),
    [2, 4, 6, 8, 10],
  );
});

test("a graph goes from left to right, and long ways have places of their own", () => {
  const trigger = (/** @type {string} */ name, /** @type {string[]} */ starts, /** @type {string[]} */ watches = []) =>
    /** @type {import("../../orchestrator/faces/console/static/js/types.js").Trigger} */ ({
      name,
      type: "CONDITIONAL",
      state: "ACTIVATED",
      schedule: null,
      logical: "AND",
      starts,
      watches: watches.map((job_name) => ({ job_name, state: "SUCCEEDED" })),
    });
  const { nodes, edges } = graphOf([
    trigger("begin", ["a", "c"]),
    trigger("then", ["b"], ["a"]),
    trigger("last", ["d"], ["b", "c"]),
  ]);
  const graph = layOutGraph(nodes, edges);
  const layer = Object.fromEntries(graph.nodes.map((node) => [node.label, node.layer]));
  assert.deepEqual(layer, { begin: 0, a: 1, c: 1, then: 2, b: 3, last: 4, d: 5 });
  assert.equal(graph.edges.find((edge) => edge.from === "job:c")?.bends.length, 2);
  const places = graph.nodes.map((node) => `${node.layer} ${node.place}`);
  assert.equal(new Set(places).size, places.length);
});

test("a circle in a graph ends", () => {
  const { nodes, edges } = layOutGraph(
    ["1", "2", "3"].map((id) => ({ id, kind: "job", label: id, note: "" })),
    [
      { from: "1", to: "2", note: "" },
      { from: "2", to: "3", note: "" },
      { from: "3", to: "1", note: "" },
    ],
  );
  assert.deepEqual([nodes.length, edges.length], [3, 3]);
});

test("a difference is told line by line", () => {
  const told = diffLines("a\nb\nc", "a\nx\nc\nd").map(
    ({ kind, text }) => `${{ same: " ", added: "+", removed: "-" }[kind]}${text}`,
  );
  assert.deepEqual(told, [" a", "-b", "+x", " c", "+d"]);
  assert.deepEqual(diffLines("", ""), []);
  assert.equal(comparable('{"b":1,"a":[2]}'), '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}');
  assert.equal(comparable("no JSON"), "no JSON");
});

test("a log is made of its bytes, however they are parted", () => {
  const whole = new TextEncoder().encode("one\nzwei äöü 🚀\n\u001b[31mred\nstill\u001b[0m\nlast");
  for (let size = 1; size < 9; size += 1) {
    const buffer = new LogBuffer();
    for (let at = 0; at < whole.length; at += size) buffer.add(whole.slice(at, at + size));
    assert.deepEqual(
      buffer.lines.map((line) => line.text),
      ["one", "zwei äöü 🚀", "\u001b[31mred", "still\u001b[0m", "last"],
    );
    assert.deepEqual(
      buffer.lines.map((line) => line.style.fg),
      [-1, -1, -1, 1, -1],
    );
  }
});

test("a log keeps only so many lines, and no endless line", () => {
  const buffer = new LogBuffer(100);
  buffer.add(new TextEncoder().encode("x\n".repeat(1000)));
  assert.ok(buffer.lines.length <= 100);
  assert.equal(buffer.lines.length + buffer.dropped, 1000);
  const endless = new LogBuffer();
  for (let turn = 0; turn < 50; turn += 1) endless.add(new TextEncoder().encode("y".repeat(5000)));
  assert.ok((endless.lines[0]?.text.length ?? 0) <= 20_010);
});

test("hits are found whatever the case and the colours, and marked", () => {
  const buffer = new LogBuffer();
  buffer.add(new TextEncoder().encode("Error one\nfine\n\u001b[31mER\u001b[0mROR two\n"));
  assert.deepEqual(findLines(buffer.lines, "error"), [0, 2]);
  assert.deepEqual(
    markHits([{ text: "aXbxc", classes: "fg1" }], "x").map(({ text, isHit }) => [text, isHit]),
    [
      ["a", false],
      ["X", true],
      ["b", false],
      ["x", true],
      ["c", false],
    ],
  );
});

test("edited arguments say what they are, and no hidden value is sent", () => {
  const given = { "--day": "1", "--db_password": "***" };
  assert.equal(problemOf(rowsOf(given)), "The value of --db_password is hidden here. Type it anew, or remove it.");
  assert.match(problemOf(rowsOf(given), true) ?? "", /hidden here\. Type it anew, or retry the run/);
  const edited = [
    { key: " --day ", value: "2" },
    { key: "--db_password", value: "new" },
    { key: "", value: "" },
  ];
  assert.equal(problemOf(edited), null);
  assert.deepEqual(argumentsOf(edited), { "--day": "2", "--db_password": "new" });
  assert.match(
    problemOf([
      { key: "--a", value: "" },
      { key: "--a", value: "x" },
    ]) ?? "",
    /twice/,
  );
  assert.match(problemOf([{ key: "", value: "x" }]) ?? "", /no name/);
});

test("figures over time become columns", () => {
  const steps = [
    { at_ms: 0, dpu: 0, runs: 0, queued: 0 },
    { at_ms: 5000, dpu: 2, runs: 1, queued: 3 },
  ];
  assert.deepEqual(capacityColumns(steps, 1000, 9000), [
    [1, 5, 9],
    [0, 2, 2],
    [0, 3, 3],
  ]);
  const samples = [
    { after_ms: 1000, cpu_ms: 500, rss_bytes: 10 },
    { after_ms: 2000, cpu_ms: 2500, rss_bytes: 20 },
  ];
  assert.deepEqual(sampleColumns(samples), [
    [1, 2],
    [0.5, 2],
    [10, 20],
  ]);
});

test("it is told why a run waits and what started it", () => {
  const told = /** @type {import("../../orchestrator/faces/console/static/js/types.js").Explanation} */ (
    /** @type {unknown} */ ({
      wait: {
        place: 2,
        queued: 5,
        reason: "3 of 4 DPU are in use",
        is_behind_its_job: false,
        head: { id: "jr_1", job_name: "big", state: "WAITING", place: 1, dpu: 3 },
      },
      slots: { in_use_dpu: 3, dpus: 4, held: [{}] },
      retry: { due_ms: 65_000, number: 1, most: 3 },
      trigger: {
        name: "nightly",
        is_changed: false,
        conditions: [{ job_name: "load", wanted: "SUCCEEDED", run_id: "x", state: "SUCCEEDED" }],
      },
    })
  );
  const sentences = reasonsOf(told, 5000);
  assert.deepEqual(sentences.slice(0, 2), ["3 of 4 DPU are in use.", "It is at place 2 of 5."]);
  assert.ok(sentences.includes("Attempt 2 of 4 comes in 1 min."));
  assert.ok(
    sentences.some((one) =>
      one.startsWith("The trigger nightly started it: load was to be Succeeded and was Succeeded."),
    ),
  );
});

test("what a run has used is what its ending tells, and before that what was seen of it", () => {
  const samples = [
    { after_ms: 1000, cpu_ms: 400, rss_bytes: 7000 },
    { after_ms: 2000, cpu_ms: 900, rss_bytes: 5000 },
  ];
  assert.deepEqual(used({ cpu_ms: null, peak_tree_rss_bytes: null }, []), { cpuMs: null, peakBytes: null });
  assert.deepEqual(used({ cpu_ms: null, peak_tree_rss_bytes: null }, samples), { cpuMs: 900, peakBytes: 7000 });
  assert.deepEqual(used({ cpu_ms: 950, peak_tree_rss_bytes: 8000 }, samples), { cpuMs: 950, peakBytes: 8000 });
});
