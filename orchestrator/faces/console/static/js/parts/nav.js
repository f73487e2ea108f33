// The links from view to view, which are in the page as it is sent.

/**
 * Mark the link to the view that is shown.
 * @param {string} view
 */
export function showPlace(view) {
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("nav a[data-views]"))) {
    if (link.dataset["views"]?.split(" ").includes(view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
