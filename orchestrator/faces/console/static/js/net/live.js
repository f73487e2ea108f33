// The stream of events. One for the page; it comes back by itself, and says when everything is to be read anew.
//
// A page that nobody sees lets go of its stream: a browser has six connections to a host, for all its tabs together.

import { batch, signal } from "../kit.js";
import { nowMs, setClock } from "./clock.js";
import { session } from "./session.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {"connecting" | "open" | "lost" | "paused"} Connection */

/** @type {import("../kit.js").Signal<Connection>} */
export const connection = signal(/** @type {Connection} */ ("connecting"));
/** When what is shown was last known to be true, in ms since 1970. */
export const trueOnMs = signal(nowMs());
/** Another number: what is shown is to be read anew. */
export const epoch = signal(0);
/** The version of the daemon, where it is not the one that served this page. */
export const newVersion = signal("");

const HIDDEN_FOR_MS = 30_000;
const WAITS_MS = [250, 500, 1000, 2000, 3000];

/** @type {Set<(runs: Run[]) => void>} */
const runListeners = new Set();
/** @type {Set<() => void>} */
const definitionListeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** @type {number | null} */
let lastSeq = session.seq;
let isFirst = lastSeq !== null;
let failures = 0;
/** @type {Run[]} */
let pending = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let pause;

/**
 * Hear of runs that were accepted or changed their state: all that came since the last frame, the oldest first.
 * @param {(runs: Run[]) => void} listener
 * @returns {() => void} what ends it
 */
export function onRuns(listener) {
  runListeners.add(listener);
  return () => runListeners.delete(listener);
}

/**
 * Hear that a job, a trigger, a workflow or a bookmark was changed.
 * @param {() => void} listener
 * @returns {() => void} what ends it
 */
export function onDefinitions(listener) {
  definitionListeners.add(listener);
  return () => definitionListeners.delete(listener);
}

/** Open the stream as soon as the page is seen, and keep it open while it is. */
export function startLive() {
  // A tab that was opened in the background is told of no change before somebody looks at it.
  if (document.hidden) letGo();
  else connect();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(pause);
    if (document.hidden) pause = setTimeout(letGo, HIDDEN_FOR_MS);
    else if (source === null) connect();
  });
  addEventListener("pagehide", () => source?.close());
}

function connect() {
  clearTimeout(retry);
  source?.close();
  source = new EventSource(lastSeq === null ? "/events" : `/events?after=${lastSeq}`);
  source.addEventListener("ready", (event) => begin(event));
  source.addEventListener("reset", (event) => begin(event));
  source.addEventListener("run", (event) => {
    const told = JSON.parse(event.data);
    take(told.seq);
    pending.push(told.run);
    // Not a frame: a page in the background has none, and is to be true when it is seen again.
    if (pending.length === 1) setTimeout(deliver, 16);
  });
  source.addEventListener("definitions", (event) => {
    take(JSON.parse(event.data).seq);
    for (const listener of definitionListeners) listener();
  });
  source.onerror = lose;
}

/** @param {MessageEvent} event */
function begin(event) {
  const told = JSON.parse(event.data);
  const wasLost = failures > 0;
  failures = 0;
  setClock(told.now_ms);
  lastSeq = told.seq;
  batch(() => {
    connection.value = "open";
    trueOnMs.value = nowMs();
    // The first stream begins where the page was sent, so whatever was read since then is true.
    if (!isFirst || event.type !== "ready") epoch.value += 1;
  });
  isFirst = false;
  if (wasLost) void lookAtVersion();
}

/** @param {number} seq */
function take(seq) {
  lastSeq = seq;
  trueOnMs.value = nowMs();
}

function deliver() {
  const runs = pending;
  pending = [];
  batch(() => {
    for (const listener of runListeners) listener(runs);
  });
}

function lose() {
  source?.close();
  source = null;
  if (connection.value === "open") trueOnMs.value = nowMs();
  connection.value = "lost";
  const wait = WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] ?? 3000;
  failures += 1;
  // Not all pages at once, where a daemon comes back.
  retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
}

function letGo() {
  clearTimeout(retry);
  source?.close();
  source = null;
  connection.value = "paused";
}

async function lookAtVersion() {
  try {
    const { version } = await (await fetch("/healthz", { cache: "no-store" })).json();
    if (version && session.version && version !== session.version) newVersion.value = version;
  } catch {
    // It is lost again, and the stream will say so.
  }
}
