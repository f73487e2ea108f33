// How figures and texts are told, and what of a hostile text is seen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN, parseLine, plainText, styleAfter } from "../../orchestrator/faces/console/static/js/lib/ansi.js";
import {
  bytes,
  counted,
  distance,
  duration,
  fullInstant,
  shortId,
} from "../../orchestrator/faces/console/static/js/lib/format.js";
import { visible } from "../../orchestrator/faces/console/static/js/lib/visible.js";

test("durations have two units at most", () => {
  const told = [0, 400, 12_340, 59_949, 59_960, 185_000, 7_500_000, 273_600_000, -5, null].map(duration);
  assert.deepEqual(told, [
    "0.0 s",
    "0.4 s",
    "12.3 s",
    "59.9 s",
    "0 min 59 s",
    "3 min 05 s",
    "2 h 05 min",
    "3 d 4 h",
    "0.0 s",
    "–",
  ]);
});

test("sizes are told in powers of ten", () => {
  assert.deepEqual([0, 812, 999, 1000, 4040, 182_345_728, 999_600, null].map(bytes), [
    "0 B",
    "812 B",
    "999 B",
    "1.0 kB",
    "4.0 kB",
    "182 MB",
    "1.0 MB",
    "–",
  ]);
});

test("instants are told from now, and whole", () => {
  assert.deepEqual(
    [1000, 500_000, 999_500].map((ms) => distance(ms, 1_000_000)),
    ["16 min ago", "8 min ago", "now"],
  );
  assert.equal(distance(1_090_000, 1_000_000), "in 1 min");
  assert.match(fullInstant(1_795_873_241_176), /^2026-11-2\d \d\d:\d\d:41\.176 [+-]\d\d:\d\d$/);
});

test("ids are short, with their attempt", () => {
  assert.equal(shortId(`jr_${"ab12".repeat(16)}_attempt_2`), "jr_ab12ab12 #2");
  assert.equal(shortId("anything else that is long"), "anything else that …");
  assert.equal(counted(1, "run"), "1 run");
  assert.deepEqual(
    [0, 999, 1000, 12_345, 1_234_567].map((count) => counted(count, "run")),
    ["0 runs", "999 runs", "1,000 runs", "12,345 runs", "1,234,567 runs"],
  );
});

test("what would not be seen is told by a sign", () => {
  assert.equal(visible("a\u0000b\u001b[0m\u007f"), "a␀b␛[0m␡");
  assert.equal(visible("gnp.\u202Eexe"), "gnp.‹U+202E›exe");
  assert.equal(visible("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
  assert.equal(visible("Größe 大小 🚀"), "Größe 大小 🚀");
});

test("a line becomes runs of text with class names", () => {
  assert.deepEqual(parseLine("\u001b[1;31merr\u001b[0m: \u001b[42mok\u001b[49m.").runs, [
    { text: "err", classes: "fg1 bold" },
    { text: ": ", classes: "" },
    { text: "ok", classes: "bg2" },
    { text: ".", classes: "" },
  ]);
  const mixed = parseLine("\u001b[91mA\u001b[38;5;196mB\u001b[38;2;20;120;30mC\u001b[38;5;3mD").runs;
  assert.deepEqual(
    mixed.map(({ text, classes }) => `${text} ${classes}`),
    ["AB fg9", "C fg2", "D fg3"],
  );
});

test("colours go on over lines", () => {
  const { style } = parseLine("\u001b[33mbegun");
  assert.deepEqual(parseLine("goes on", style).runs, [{ text: "goes on", classes: "fg3" }]);
  assert.deepEqual(styleAfter("x\u001b[m", style), PLAIN);
});

test("what a terminal would do beside colours is left out", () => {
  const line = "\u001b]0;title\u0007a\u001b[2Kb\u001b]8;;http:x\u001b\\link\u001b]8;;\u001b\\\u001b(B\u001b[?25l";
  assert.equal(
    parseLine(line)
      .runs.map((run) => run.text)
      .join(""),
    "ablink",
  );
  assert.equal(plainText(line), "ablink");
});

test("a carriage return begins the line anew", () => {
  assert.equal(
    parseLine("10 %\r\u001b[32m100 %\r")
      .runs.map((run) => run.text)
      .join(""),
    "100 %",
  );
  assert.equal(parseLine("dos line\r").runs[0]?.text, "dos line");
});

test("a broken escape ends somewhere", () => {
  for (const line of [
    "\u001b",
    "\u001b[",
    "\u001b[31",
    "\u001b]0;never ends",
    "\u001b[38;5m",
    "\u001b[38;2;1m",
    "\u001b[999999999999m",
  ]) {
    assert.ok(
      parseLine(`${line}`).runs.every((run) => !run.text.includes("\u001b")),
      JSON.stringify(line),
    );
  }
});

test("a long hostile line takes no long time", () => {
  const begun = performance.now();
  parseLine("\u001b[".repeat(100_000));
  parseLine("\u001b]".repeat(100_000));
  parseLine("\r".repeat(100_000));
  assert.ok(performance.now() - begun < 2000);
});
