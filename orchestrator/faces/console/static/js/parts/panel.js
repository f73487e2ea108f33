// A part of a page that can be folded away. Which ones are open is kept while the page is there.

import { html, useState } from "../kit.js";

/** @type {Map<string, boolean>} */
const open = new Map();

/** @param {{ title: string, count?: number, isOpen?: boolean, children?: unknown, end?: unknown }} props */
export function Panel({ title, count, isOpen = false, children, end }) {
  const [isShown, setShown] = useState(open.get(title) ?? isOpen);
  const toggled = (/** @type {Event} */ event) => {
    const next = /** @type {HTMLDetailsElement} */ (event.currentTarget).open;
    if (next !== isShown) open.set(title, next);
    setShown(next);
  };
  return html`<details class="panel" open=${isShown} onToggle=${toggled}>
    <summary>
      <h2>${title}</h2>
      ${count !== undefined && html`<span class="count">${count}</span>`}
      ${end}
    </summary>
    ${isShown && html`<div class="panel-body">${children}</div>`}
  </details>`;
}
