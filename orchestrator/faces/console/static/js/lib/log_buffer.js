// The lines of a log, as its bytes come in. One object for each log that is shown; it knows nothing of the page.

import { PLAIN, plainText, styleAfter } from "./ansi.js";

/** @typedef {{ readonly text: string, readonly style: import("./ansi.js").Style }} Line style: what holds at its beginning */

/** More lines than these are not kept: the oldest go. */
export const MOST_LINES = 200_000;
const MOST_IN_A_LINE = 20_000;

export class LogBuffer {
  /** @param {number} [mostLines] */
  constructor(mostLines = MOST_LINES) {
    /** @type {Line[]} */
    this.lines = [];
    /** How many lines were let go. */
    this.dropped = 0;
    this.mostLines = mostLines;
    this.decoder = new TextDecoder("utf-8");
    this.style = PLAIN;
    /** The last line, which no line feed has ended yet, is the last of `lines`. */
    this.isOpen = false;
  }

  /**
   * Take in the bytes that follow. Bytes that are no UTF-8 become U+FFFD; a character may come in two parts.
   * @param {Uint8Array} bytes
   */
  add(bytes) {
    const text = this.decoder.decode(bytes, { stream: true });
    if (text === "") return;
    const pieces = text.split("\n");
    const isEnded = pieces.at(-1) === "";
    if (isEnded) pieces.pop();
    pieces.forEach((piece, number) => {
      const open = number === 0 && this.isOpen ? this.lines.pop() : undefined;
      this.push(open ? { ...open, text: cut(open.text + piece) } : { text: cut(piece), style: this.style });
      const isLast = number === pieces.length - 1;
      const line = this.lines.at(-1);
      if (line && (!isLast || isEnded)) this.style = styleAfter(line.text, line.style);
    });
    this.isOpen = !isEnded;
  }

  /** @param {Line} line */
  push(line) {
    this.lines.push(line);
    if (this.lines.length > this.mostLines) {
      const many = Math.ceil(this.mostLines / 10);
      this.lines.splice(0, many);
      this.dropped += many;
    }
  }
}

/**
 * Return the numbers of the lines in which `wanted` occurs, whatever the case.
 * @param {readonly Line[]} lines
 * @param {string} wanted
 * @returns {number[]}
 */
export function findLines(lines, wanted) {
  if (wanted === "") return [];
  const small = wanted.toLowerCase();
  /** @type {number[]} */
  const found = [];
  lines.forEach((line, number) => {
    if (plainText(line.text).toLowerCase().includes(small)) found.push(number);
  });
  return found;
}

/**
 * Part runs of text where `wanted` occurs in them, so that each occurrence can be marked. One that lies over two runs is not.
 * @param {readonly import("./ansi.js").Run[]} runs
 * @param {string} wanted
 * @returns {{ text: string, classes: string, isHit: boolean }[]}
 */
export function markHits(runs, wanted) {
  const small = wanted.toLowerCase();
  /** @type {{ text: string, classes: string, isHit: boolean }[]} */
  const parts = [];
  for (const run of runs) {
    const text = run.text.toLowerCase();
    let last = 0;
    let at = small === "" ? -1 : text.indexOf(small);
    while (at >= 0) {
      if (at > last) parts.push({ text: run.text.slice(last, at), classes: run.classes, isHit: false });
      parts.push({ text: run.text.slice(at, at + small.length), classes: run.classes, isHit: true });
      last = at + small.length;
      at = text.indexOf(small, last);
    }
    if (last < run.text.length) parts.push({ text: run.text.slice(last), classes: run.classes, isHit: false });
  }
  return parts;
}

/** @param {string} text */
function cut(text) {
  return text.length > MOST_IN_A_LINE ? `${text.slice(0, MOST_IN_A_LINE)}…` : text;
}
