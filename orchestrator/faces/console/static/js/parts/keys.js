// The keyboard: what a view does at a key, and the letters that lead from view to view.

import { html, signal, useEffect, useRef } from "../kit.js";
import { goTo } from "../net/address.js";
import { hasShortcuts, setShortcuts } from "../net/session.js";
import { Dialog } from "./dialog.js";

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Keys by `KeyboardEvent.key` */

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

const HELP = /** @type {const} */ ([
  [
    "Everywhere",
    [
      ["g r", "runs"],
      ["g t", "timeline"],
      ["g c", "capacity"],
      ["g j", "jobs"],
      ["g g", "triggers"],
      ["g w", "workflows"],
      ["?", "this help"],
      ["Esc", "leave a field, close a dialog"],
    ],
  ],
  [
    "Runs",
    [
      ["j  ↓", "next run"],
      ["k  ↑", "run before"],
      ["Enter", "open it"],
      ["/", "search"],
      ["Home", "the newest"],
    ],
  ],
  [
    "A run",
    [
      ["/", "search the log"],
      ["n  N", "next hit, hit before"],
      ["f", "follow the log"],
      ["s", "stop the run"],
      ["r", "run it again"],
    ],
  ],
  [
    "Timeline",
    [
      ["← →", "earlier, later"],
      ["+ −", "closer, further"],
      ["0", "follow the clock"],
    ],
  ],
]);

/** What the keys do. */
export function KeyHelp() {
  if (!isHelpShown.value) return null;
  const close = () => (isHelpShown.value = false);
  return html`<${Dialog} title="Keyboard" onClose=${close} isWide=${true}>
    <div class="key-help">
      ${HELP.map(
        ([place, keys]) =>
          html`<section key=${place}>
            <h3>${place}</h3>
            <dl class="facts">
              ${keys.map(([key, does]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}
            </dl>
          </section>`,
      )}
    </div>
    <label class="check">
      <input
        type="checkbox"
        checked=${hasShortcuts.value}
        onChange=${(/** @type {Event} */ event) => setShortcuts(/** @type {HTMLInputElement} */ (event.target).checked)}
      />
      Single letters do something
    </label>
  <//>`;
}
