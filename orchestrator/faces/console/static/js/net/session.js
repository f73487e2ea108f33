// What the page was served with, and the reader's own settings, which stay in this browser.

import { signal } from "../kit.js";

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

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {import("../kit.js").Signal<Theme>} */
export const theme = signal(/** @type {Theme} */ (stored("theme", "auto")));
/** Single letters do something only where this holds. */
export const hasShortcuts = signal(stored("shortcuts", "on") === "on");

/** @param {Theme} next */
export function setTheme(next) {
  theme.value = next;
  store("theme", next);
  showTheme();
}

/** Let the document have the theme that was chosen. */
export function showTheme() {
  const chosen = theme.value;
  if (chosen === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", chosen);
}

/** @param {boolean} isOn */
export function setShortcuts(isOn) {
  hasShortcuts.value = isOn;
  store("shortcuts", isOn ? "on" : "off");
}

/** @param {string} name @param {string} otherwise @returns {string} */
function stored(name, otherwise) {
  try {
    return localStorage.getItem(`console.${name}`) ?? otherwise;
  } catch {
    return otherwise; // a browser that keeps nothing
  }
}

/** @param {string} name @param {string} value */
function store(name, value) {
  try {
    localStorage.setItem(`console.${name}`, value);
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}
