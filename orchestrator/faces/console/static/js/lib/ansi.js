// Colours in a script's output: a line is parsed into runs of text with class names, never into HTML. Pure.
//
// What a terminal would do beside colours (moving the cursor, titles, links) is left out; a carriage return begins the
// line anew, so a progress bar shows its last state. What cannot be seen is shown by a sign.

import { visible } from "./visible.js";

/**
 * The colours and weights that hold from here on.
 * @typedef {{ readonly fg: number, readonly bg: number, readonly bold: boolean, readonly dim: boolean,
 *   readonly italic: boolean, readonly underline: boolean, readonly inverse: boolean }} Style
 * @typedef {{ readonly text: string, readonly classes: string }} Run
 */

/** @type {Style} -1 is the page's own colour. */
export const PLAIN = Object.freeze({
  fg: -1,
  bg: -1,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
});

// CSI, then OSC and other strings up to their end, then two-character escapes.
const ESCAPE =
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  /\u001b\[([0-9;:<=>?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]|\u009b([0-9;:<=>?]*)[ -/]*([@-~])/g;

/**
 * Parse one line, whose first character is written in `style`.
 * @param {string} line without its line feed
 * @param {Style} [style]
 * @returns {{ runs: Run[], style: Style }} style is what holds at its end
 */
export function parseLine(line, style = PLAIN) {
  /** @type {{ text: string, style: Style }[]} */
  let parts = [];
  let last = 0;
  let isReturned = false;
  /** @param {string} raw */
  const add = (raw) => {
    const pieces = raw.split("\r");
    pieces.forEach((piece, number) => {
      isReturned ||= number > 0;
      if (piece === "") return;
      // A return that something follows begins the line anew.
      if (isReturned) parts = [];
      isReturned = false;
      parts.push({ text: piece, style });
    });
  };
  for (const match of line.matchAll(ESCAPE)) {
    add(line.slice(last, match.index));
    last = match.index + match[0].length;
    const final = match[2] ?? match[4];
    if (final === "m") style = applied(style, match[1] ?? match[3] ?? "");
  }
  add(line.slice(last));
  return { runs: joined(parts), style };
}

/**
 * Return a line without its escapes, as it is searched.
 * @param {string} line
 * @returns {string}
 */
export function plainText(line) {
  return line.includes("\u001b") || line.includes("\u009b") ? line.replace(ESCAPE, "") : line;
}

/**
 * Return only the style that holds behind a line.
 * @param {string} line
 * @param {Style} style
 * @returns {Style}
 */
export function styleAfter(line, style) {
  if (!line.includes("\u001b") && !line.includes("\u009b")) return style;
  for (const match of line.matchAll(ESCAPE)) {
    if ((match[2] ?? match[4]) === "m") style = applied(style, match[1] ?? match[3] ?? "");
  }
  return style;
}

/** @param {{ text: string, style: Style }[]} parts @returns {Run[]} */
function joined(parts) {
  /** @type {{ text: string, classes: string }[]} */
  const runs = [];
  for (const part of parts) {
    const classes = classesOf(part.style);
    const text = visible(part.text.replaceAll("\t", "    "));
    const before = runs.at(-1);
    if (before && before.classes === classes) before.text += text;
    else runs.push({ text, classes });
  }
  return runs;
}

/** @param {Style} style @returns {string} */
function classesOf(style) {
  if (style === PLAIN) return "";
  const names = [];
  const [fg, bg] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  if (fg >= 0) names.push(`fg${fg}`);
  if (bg >= 0) names.push(`bg${bg}`);
  if (style.inverse && (fg < 0 || bg < 0)) names.push("inverse");
  for (const name of /** @type {const} */ (["bold", "dim", "italic", "underline"])) if (style[name]) names.push(name);
  return names.join(" ");
}

/**
 * Return `style` as an SGR sequence changes it.
 * @param {Style} style
 * @param {string} parameters
 * @returns {Style}
 */
function applied(style, parameters) {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let next = { ...style };
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 38 || code === 48) {
      const [color, used] = extended(codes.slice(place + 1));
      next = { ...next, [code === 38 ? "fg" : "bg"]: color };
      place += used;
    } else next = { ...next, ...simple(code) };
  }
  return next;
}

/** @param {number} code @returns {Partial<Style>} */
function simple(code) {
  if (code >= 30 && code <= 37) return { fg: code - 30 };
  if (code >= 90 && code <= 97) return { fg: code - 82 };
  if (code >= 40 && code <= 47) return { bg: code - 40 };
  if (code >= 100 && code <= 107) return { bg: code - 92 };
  return SIMPLE.get(code) ?? {};
}

/** @type {ReadonlyMap<number, Partial<Style>>} */
const SIMPLE = new Map([
  [1, { bold: true }],
  [2, { dim: true }],
  [3, { italic: true }],
  [4, { underline: true }],
  [7, { inverse: true }],
  [22, { bold: false, dim: false }],
  [23, { italic: false }],
  [24, { underline: false }],
  [27, { inverse: false }],
  [39, { fg: -1 }],
  [49, { bg: -1 }],
]);

/**
 * Read a colour of 256 or of 16 million: the nearest of the page's own sixteen, which can be read on both themes.
 * @param {number[]} codes behind 38 or 48
 * @returns {[number, number]} the colour, and how many codes it took
 */
function extended(codes) {
  const [kind, first = 0, second = 0, third = 0] = codes;
  if (kind === 2) return [nearest(first, second, third), 4];
  if (kind !== 5) return [-1, 1];
  if (first < 16) return [first, 2];
  if (first >= 232) return [nearest((first - 232) * 10 + 8, (first - 232) * 10 + 8, (first - 232) * 10 + 8), 2];
  const steps = [0, 95, 135, 175, 215, 255];
  const cube = first - 16;
  const part = (/** @type {number} */ size) => steps[Math.floor(cube / size) % 6] ?? 0;
  return [nearest(part(36), part(6), part(1)), 2];
}

/** @param {number} red @param {number} green @param {number} blue @returns {number} */
function nearest(red, green, blue) {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 40) return most > 200 ? 15 : most > 130 ? 7 : most > 60 ? 8 : 0;
  const bit = (/** @type {number} */ value) => (value > most / 2 ? 1 : 0);
  const hue = bit(red) + 2 * bit(green) + 4 * bit(blue);
  return most > 200 ? hue + 8 : hue;
}
