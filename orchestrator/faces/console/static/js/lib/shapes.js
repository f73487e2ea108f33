// The shape of each kind of state, in a square of 16: what it is made of, for whoever draws it.

/** @typedef {readonly [tag: "circle" | "path" | "rect", attributes: Record<string, string>]} Piece */

/** @param {string} cx @param {string} cy @param {string} r @param {string} look @returns {Piece} */
const circle = (cx, cy, r, look) => ["circle", { cx, cy, r, class: look }];
/** @param {string} d @param {string} look @returns {Piece} */
const path = (d, look) => ["path", { d, class: look }];
/** @param {string} place @param {string} size @param {string} look @returns {Piece} */
const square = (place, size, look) => ["rect", { x: place, y: place, width: size, height: size, rx: "1", class: look }];

const SHAPES = new Map([
  ["waiting", [circle("8", "8", "5.2", "line"), path("M8 5v3.2l2 1.4", "line thin")]],
  ["starting", [circle("8", "8", "5.2", "line"), path("M8 2.8a5.2 5.2 0 0 1 0 10.4z", "fill")]],
  ["running", [path("M4.5 2.8v10.4L13 8z", "fill")]],
  ["stopping", [square("3.6", "8.8", "line")]],
  ["stopped", [square("3.2", "9.6", "fill")]],
  ["succeeded", [path("M2.8 8.6l3.4 3.4 7-8", "line thick")]],
  ["failed", [path("M3.6 3.6l8.8 8.8m0-8.8l-8.8 8.8", "line thick")]],
  ["timeout", [path("M4 2.6h8L8 8zM4 13.4h8L8 8z", "fill")]],
  ["error", [path("M8 1.8L15 14H1z", "line"), path("M8 6v4m0 1.6v1", "line")]],
  ["on", [circle("8", "8", "4.2", "fill")]],
  ["off", [circle("8", "8", "4.2", "line")]],
]);
const UNKNOWN = [circle("8", "8", "3", "fill")];

/**
 * Return what the shape of a kind of state is made of.
 * @param {string} kind
 * @returns {readonly Piece[]}
 */
export function shapeOf(kind) {
  return SHAPES.get(kind) ?? UNKNOWN;
}
