// Reads a log and goes on as it grows, until the run has ended. One object for each log that is shown.

import { LogBuffer } from "../lib/log_buffer.js";
import { ApiError, askLog } from "./api.js";

const TAIL_BYTES = 262_144;
const WAIT_S = 20;
const RETRY_MS = 1000;

/** @typedef {{ readonly buffer: LogBuffer, readonly firstOffset: number, readonly next: number, readonly isComplete: boolean,
 *   readonly error: string | null, readonly isBegun: boolean }} LogState */

export class LogReader {
  /**
   * @param {string} runId
   * @param {"stdout" | "stderr"} stream
   * @param {(state: LogState) => void} onChange called for each piece
   */
  constructor(runId, stream, onChange) {
    this.runId = runId;
    this.stream = stream;
    this.onChange = onChange;
    this.controller = new AbortController();
    /** @type {LogState} */
    this.state = { buffer: new LogBuffer(), firstOffset: 0, next: 0, isComplete: false, error: null, isBegun: false };
  }

  /** Stop. Nothing is told any more. */
  end() {
    this.controller.abort();
  }

  /**
   * Read until the log is complete.
   * @param {boolean} isWhole from the beginning, else only its last 256 kB
   */
  async read(isWhole) {
    /** @type {Record<string, number>} */
    let query = isWhole ? { offset: 0 } : { tail_bytes: TAIL_BYTES };
    const { signal } = this.controller;
    while (!signal.aborted) {
      try {
        await untilSeen(signal);
        const piece = await askLog(this.runId, this.stream, query, signal);
        const { buffer, isBegun, firstOffset } = this.state;
        buffer.add(piece.bytes);
        this.tell({
          firstOffset: isBegun ? firstOffset : piece.offset,
          next: piece.next,
          isComplete: piece.isComplete,
          error: null,
          isBegun: true,
        });
        if (piece.isComplete) return;
        query = { offset: piece.next, wait_s: WAIT_S };
      } catch (error) {
        if (signal.aborted) return;
        this.tell({ error: error instanceof Error ? error.message : String(error) });
        if (error instanceof ApiError && error.status >= 400 && error.status < 500) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** @param {Partial<LogState>} some */
  tell(some) {
    if (this.controller.signal.aborted) return;
    this.state = { ...this.state, ...some };
    this.onChange(this.state);
  }
}

/** A page that nobody sees holds no connection. @param {AbortSignal} signal */
async function untilSeen(signal) {
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}
