// The reader's own settings, which stay in this browser.

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @param {string} name @param {string} otherwise @returns {string} */
export function kept(name, otherwise) {
  try {
    return localStorage.getItem(`console.${name}`) ?? otherwise;
  } catch {
    return otherwise; // a browser that keeps nothing
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`console.${name}`, value);
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}

/** @returns {Theme} the one that was chosen */
export function keptTheme() {
  return /** @type {Theme} */ (kept("theme", "auto"));
}

/** Let the document have a theme. @param {Theme} theme */
export function showTheme(theme) {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}
