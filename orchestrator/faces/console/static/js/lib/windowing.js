// Which rows of a long list are drawn. Pure.

/** @typedef {{ readonly first: number, readonly last: number, readonly above: number, readonly below: number }} Rows */

/**
 * Return the rows to draw: those that are seen, and some more on each side so that a quick scroll shows no gap.
 * @param {{ count: number, rowHeight: number, top: number, height: number, spare?: number }} seen
 *   top: how far the view's upper edge is below the list's first row; height: the view's; both in the row's unit
 * @returns {Rows} first (inclusive) and last (exclusive), and how high what is not drawn is on each side
 */
export function rowsToDraw({ count, rowHeight, top, height, spare = 12 }) {
  const at = Math.floor(top / rowHeight);
  const many = Math.ceil(height / rowHeight);
  // In steps, so that a small scroll draws nothing anew.
  const step = Math.max(Math.floor(spare / 2), 1);
  const first = clamp(Math.floor((at - spare) / step) * step, 0, Math.max(count - 1, 0));
  const last = clamp(Math.ceil((at + many + spare) / step) * step, first, count);
  return { first, last, above: first * rowHeight, below: (count - last) * rowHeight };
}

/** @param {number} value @param {number} least @param {number} most */
export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), Math.max(most, least));
}
