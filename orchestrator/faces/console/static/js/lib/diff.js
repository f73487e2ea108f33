// What differs between two texts, line by line. Pure.

/** @typedef {{ readonly kind: "same" | "added" | "removed", readonly text: string }} DiffLine */

const MOST_CELLS = 4_000_000;

/**
 * Return the lines of `before` and `after`, with what was removed and what was added: a shortest such list.
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  const [old, young] = [lines(before), lines(after)];
  let head = 0;
  while (head < old.length && head < young.length && old[head] === young[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < young.length - head && old.at(-1 - tail) === young.at(-1 - tail)) tail += 1;
  const middle = changed(old.slice(head, old.length - tail), young.slice(head, young.length - tail));
  const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
  return [...old.slice(0, head).map(same), ...middle, ...old.slice(old.length - tail).map(same)];
}

/**
 * Return a bookmark's text with one value a line where it is JSON, so that lines can be compared.
 * @param {string | null} text
 * @returns {string}
 */
export function comparable(text) {
  if (text === null) return "";
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {string} text */
function lines(text) {
  return text === "" ? [] : text.split("\n");
}

/** @param {string[]} old @param {string[]} young @returns {DiffLine[]} */
function changed(old, young) {
  const removed = old.map((text) => ({ kind: /** @type {const} */ ("removed"), text }));
  const added = young.map((text) => ({ kind: /** @type {const} */ ("added"), text }));
  if (old.length === 0 || young.length === 0 || old.length * young.length > MOST_CELLS) return [...removed, ...added];
  const width = young.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = young.length - 1; column >= 0; column -= 1) {
      const at = row * width + column;
      common[at] =
        old[row] === young[column]
          ? (common[at + width + 1] ?? 0) + 1
          : Math.max(common[at + width] ?? 0, common[at + 1] ?? 0);
    }
  }
  return walked(old, young, common, width);
}

/** @param {string[]} old @param {string[]} young @param {Uint32Array} common @param {number} width @returns {DiffLine[]} */
function walked(old, young, common, width) {
  /** @type {DiffLine[]} */
  const told = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < young.length) {
    const [was, is] = [old[row], young[column]];
    const at = row * width + column;
    if (was !== undefined && was === is) {
      told.push({ kind: "same", text: was });
      row += 1;
      column += 1;
    } else if (is === undefined || (was !== undefined && (common[at + width] ?? 0) >= (common[at + 1] ?? 0))) {
      told.push({ kind: "removed", text: was ?? "" });
      row += 1;
    } else {
      told.push({ kind: "added", text: is });
      column += 1;
    }
  }
  return told;
}
