// When the stream of events is open: only while somebody sees the page.

import assert from "node:assert/strict";
import { after, test } from "node:test";

/** @type {Map<string, () => void>} */
const heard = new Map();
const page = {
  hidden: true,
  querySelector: (/** @type {string} */ name) => (name.includes("seq") ? { getAttribute: () => "7" } : null),
  addEventListener: (/** @type {string} */ name, /** @type {() => void} */ listener) => heard.set(name, listener),
};

/** What the browser has in its place. */
class Stream {
  /** @type {Stream[]} */
  static all = [];
  /** @param {string} address */
  constructor(address) {
    this.address = address;
    this.isOpen = true;
    this.onerror = () => {};
    /** @type {Map<string, (event: { type: string, data: string }) => void>} */
    this.listeners = new Map();
    Stream.all.push(this);
  }
  static open() {
    return Stream.all.filter((stream) => stream.isOpen);
  }
  /** @param {string} name @param {(event: { type: string, data: string }) => void} listener */
  addEventListener(name, listener) {
    this.listeners.set(name, listener);
  }
  /** @param {string} type @param {unknown} told */
  tell(type, told) {
    this.listeners.get(type)?.({ type, data: JSON.stringify(told) });
  }
  close() {
    this.isOpen = false;
  }
}

/** @param {boolean} isHidden */
function see(isHidden) {
  page.hidden = isHidden;
  heard.get("visibilitychange")?.();
}

Object.assign(globalThis, { document: page, EventSource: Stream, addEventListener: () => {} });
const { connection, epoch, startLive } = await import("../../orchestrator/faces/console/static/js/net/live.js");

after(() => see(false)); // no clock is left running

test("a tab that nobody has seen takes no connection; the first look opens the stream where the page was sent", (context) => {
  context.mock.timers.enable();
  startLive();
  context.mock.timers.tick(120_000);
  assert.deepEqual([Stream.all.length, connection.value], [0, "paused"]);
  see(false);
  assert.deepEqual(
    Stream.all.map((stream) => stream.address),
    ["/events?after=7"],
  );
  Stream.all[0]?.tell("ready", { seq: 7, now_ms: Date.now() });
  assert.deepEqual([connection.value, epoch.value], ["open", 0], "all that was read is as new as that");
});

test("a page that is hidden lets go after a time, and looks for no daemon meanwhile", (context) => {
  context.mock.timers.enable();
  see(true);
  Stream.open()[0]?.onerror();
  context.mock.timers.tick(29_900);
  Stream.open()[0]?.onerror();
  context.mock.timers.tick(100);
  assert.deepEqual([Stream.open().length, connection.value], [0, "paused"]);
  const before = Stream.all.length;
  context.mock.timers.tick(60_000);
  assert.equal(Stream.all.length, before);
});

test("a page that is seen again in time keeps its stream, though it was lost meanwhile", (context) => {
  context.mock.timers.enable();
  see(false);
  see(true);
  Stream.open()[0]?.onerror();
  see(false);
  context.mock.timers.tick(120_000);
  assert.equal(Stream.open().length, 1);
});
