// What the page was served with, and the reader's own settings, which stay in this browser.

import { signal } from "../kit.js";
import { keep, kept, keptTheme, showTheme } from "./kept.js";

/** @param {string} name @returns {string} */
function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
}

export const session = {
  token: meta("token"),
  isReadOnly: meta("read-only") === "true",
  version: meta("version"),
  region: meta("region"),
  /** The last change before the page was sent: all that is read is at least as new. */
  seq: /^[0-9]+$/.test(meta("seq")) ? Number(meta("seq")) : null,
};

/** @typedef {import("./kept.js").Theme} Theme */

/** @type {import("../kit.js").Signal<Theme>} */
export const theme = signal(keptTheme());
/** Single letters do something only where this holds. */
export const hasShortcuts = signal(kept("shortcuts", "on") === "on");

/** @param {Theme} next */
export function setTheme(next) {
  theme.value = next;
  keep("theme", next);
  showTheme(next);
}

/** @param {boolean} isOn */
export function setShortcuts(isOn) {
  hasShortcuts.value = isOn;
  keep("shortcuts", isOn ? "on" : "off");
}
