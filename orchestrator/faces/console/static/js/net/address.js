// The address as a signal, and how views change it.

import { signal } from "../kit.js";
import { href, parseRoute } from "../lib/route.js";

/** Where one is. */
export const route = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
});

/**
 * Change the parameters of the view that is shown. It stays one step in the browser's history, so that going back leaves the view.
 * @param {Record<string, string | number | null | undefined>} params all of them
 */
export function replaceParams(params) {
  const next = href(route.value.view, params, route.value.id);
  if (next === location.hash) return;
  history.replaceState(null, "", next);
  route.value = parseRoute(next);
}

/**
 * Change some parameters of the view that is shown, and keep the others.
 * @param {Record<string, string | number | null | undefined>} params
 */
export function changeParams(params) {
  replaceParams({ ...Object.fromEntries(route.value.params), ...params });
}

/** @param {string} address */
export function goTo(address) {
  location.hash = address;
  // At once, and not when the event comes: what still waits in the view that is left must not lead back to it.
  route.value = parseRoute(location.hash);
}
