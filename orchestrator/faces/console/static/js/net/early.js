// What the first view reads, asked for before the modules are there that show it.

const ADDRESS = "/runs?limit=60";
/** @type {Promise<Response | null> | null} */
let early = /^#?\/?$/.test(location.hash)
  ? fetch(ADDRESS, { cache: "no-store", credentials: "same-origin" }).catch(() => null)
  : null;

/**
 * Return the answer that was asked for early, if it is the one that is wanted; once.
 * @param {string} address
 * @returns {Promise<Response | null> | null}
 */
export function takeEarly(address) {
  const taken = address === ADDRESS ? early : null;
  early = null;
  return taken;
}
