// The arguments that a run is to be given, as somebody edits them. Pure.

/** @typedef {{ readonly key: string, readonly value: string }} Row */

/** What the daemon tells instead of a secret. */
export const HIDDEN = "***";

/**
 * Return the rows to edit, from the arguments that an earlier run was given.
 * @param {Readonly<Record<string, string>> | null} given
 * @returns {Row[]}
 */
export function rowsOf(given) {
  return Object.entries(given ?? {}).map(([key, value]) => ({ key, value }));
}

/**
 * Return what is wrong with the rows, or null. Rows without key and value are none.
 * @param {readonly Row[]} rows
 * @returns {string | null}
 */
export function problemOf(rows) {
  const used = rows.filter(isUsed);
  const seen = new Set();
  for (const { key, value } of used) {
    if (key.trim() === "") return `The value "${value}" has no name.`;
    if (seen.has(key.trim())) return `${key} is given twice.`;
    if (value.includes(HIDDEN)) return `The value of ${key} is hidden here. Type it anew, or remove it.`;
    seen.add(key.trim());
  }
  return null;
}

/**
 * Return the arguments that the rows say.
 * @param {readonly Row[]} rows
 * @returns {Record<string, string>}
 */
export function argumentsOf(rows) {
  return Object.fromEntries(rows.filter(isUsed).map(({ key, value }) => [key.trim(), value]));
}

/**
 * Say whether rows are what an earlier run was given.
 * @param {readonly Row[]} rows
 * @param {Readonly<Record<string, string>> | null} given
 */
export function areUnchanged(rows, given) {
  const [now, before] = [rows.filter(isUsed), rowsOf(given)];
  return (
    now.length === before.length &&
    now.every(({ key, value }) => Object.hasOwn(given ?? {}, key) && (given ?? {})[key] === value)
  );
}

/** @param {Row} row */
function isUsed({ key, value }) {
  return key.trim() !== "" || value !== "";
}
