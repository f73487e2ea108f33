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
 * @param {boolean} [canRetry] the run whose arguments these were can be retried, with what is hidden here
 * @returns {string | null}
 */
export function problemOf(rows, canRetry = false) {
  const used = rows.filter(isUsed);
  const seen = new Set();
  for (const { key, value } of used) {
    if (key.trim() === "") return `The value "${value}" has no name.`;
    if (seen.has(key.trim())) return `${key} is given twice.`;
    if (value.includes(HIDDEN)) {
      const otherwise = canRetry ? ", or retry the run: the daemon knows what it was given" : ", or remove it";
      return `The value of ${key} is hidden here. Type it anew${otherwise}.`;
    }
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

/** @param {Row} row */
function isUsed({ key, value }) {
  return key.trim() !== "" || value !== "";
}
