// Where in the console one is, as the address says it: "#/runs?state=FAILED". Pure.

/** @typedef {{ readonly view: string, readonly id: string, readonly params: URLSearchParams }} Route */

/**
 * Read the part of an address behind its "#". What is not understood is the list of runs.
 * @param {string} hash
 * @returns {Route}
 */
export function parseRoute(hash) {
  const [path = "", query = ""] = split(hash.replace(/^#/, ""), "?");
  const [, view = "", ...rest] = path.split("/");
  return { view: view || "runs", id: decoded(rest.join("/")), params: new URLSearchParams(query) };
}

/**
 * Return the address of a view. Parameters that are empty are left out.
 * @param {string} view
 * @param {Record<string, string | number | null | undefined>} [params]
 * @param {string} [id]
 * @returns {string}
 */
export function href(view, params = {}, id = "") {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  // Commas between states are kept readable.
  const text = query.toString().replaceAll("%2C", ",");
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

/** @param {string} text @param {string} by @returns {[string, string]} */
function split(text, by) {
  const at = text.indexOf(by);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {string} text @returns {string} */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that encodes nothing
  }
}
