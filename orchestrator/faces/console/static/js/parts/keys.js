// The keyboard: what a view does at a key, and the letters that lead from view to view.

import { signal, useEffect, useRef } from "../kit.js";
import { goTo } from "../net/address.js";
import { hasShortcuts } from "../net/session.js";

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Keys by `KeyboardEvent.key` */

/** Whether parts/key_help.js is seen. */
export const isHelpShown = signal(false);

const PLACES = new Map([
  ["r", "#/runs"],
  ["t", "#/timeline"],
  ["c", "#/capacity"],
  ["j", "#/jobs"],
  ["w", "#/workflows"],
  ["g", "#/triggers"],
]);

/** @type {Keys[]} */
const layers = [];
let isLeading = false;

/**
 * Let a view hear keys while it is there. Letters are heard only where nobody types.
 * @param {Keys} keys
 */
export function useKeys(keys) {
  const ref = useRef(keys);
  ref.current = keys;
  useEffect(() => {
    /** @type {Keys} */
    const layer = new Proxy({}, { get: (_, key) => ref.current[String(key)] });
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

/** Begin to listen. */
export function startKeys() {
  addEventListener("keydown", (event) => {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      document.querySelector("dialog[open]")
    )
      return;
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.matches("input, select, textarea, [contenteditable]");
    if (isTyping && event.key !== "Escape") return;
    if (isTyping) return target.blur();
    const isLetter = event.key.length === 1;
    if (isLetter && !hasShortcuts.value && event.key !== "?") return;
    if (isLeading) {
      isLeading = false;
      const place = PLACES.get(event.key);
      if (place) return goTo(place);
    }
    const heard = [...layers].reverse().find((keys) => keys[event.key]);
    if (heard) {
      event.preventDefault();
      heard[event.key]?.(event);
    } else if (event.key === "g") isLeading = true;
    else if (event.key === "?") isHelpShown.value = true;
  });
}
