// What stands around every view: where one can go, whether the figures are true, the theme.

import { effect, html, render } from "../kit.js";
import { instant } from "../lib/format.js";
import { route } from "../net/address.js";
import { beat } from "../net/clock.js";
import { connection, newVersion, trueOnMs } from "../net/live.js";
import { session, setTheme, theme } from "../net/session.js";
import { Notes, Questions } from "./dialog.js";
import { KeyHelp } from "./key_help.js";
import { isHelpShown } from "./keys.js";
import { showPlace } from "./nav.js";

const THEMES = /** @type {const} */ ({ auto: "light", light: "dark", dark: "auto" });
const WORDS = { connecting: "Connecting", open: "Live", lost: "Not connected", paused: "Paused" };

/** Fill what stands around every view. What of it never changes is in the page as it is sent. */
export function startShell() {
  document.querySelector(".skip")?.addEventListener("click", skip);
  effect(() => showPlace(route.value.view));
  draw("bar-end", html`<${BarEnd} />`);
  draw("banner", html`<${Banner} />`);
  draw("over", html`<${Notes} /><${Questions} /><${KeyHelp} />`);
}

/**
 * Draw in an element of the page, in place of what is in it.
 * @param {string} id
 * @param {ReturnType<typeof html>} what
 */
export function draw(id, what) {
  const place = /** @type {HTMLElement} */ (document.getElementById(id));
  place.replaceChildren();
  render(what, place);
}

function BarEnd() {
  return html`${session.isReadOnly && html`<span class="tag" title="The daemon's settings take the actions away.">Read-only</span>`}
    <${ConnectionMark} />
    <${ThemeSwitch} />
    <button type="button" class="small plain" aria-label="Keyboard" title="Keyboard (?)" onClick=${() => (isHelpShown.value = true)}>?</button>`;
}

function ConnectionMark() {
  const now = connection.value;
  return html`<span class=${`connection ${now}`} title=${`Version ${session.version}`}>
    <span class="dot" aria-hidden="true"></span>${WORDS[now]}
  </span>`;
}

function ThemeSwitch() {
  const now = theme.value;
  const words = { auto: "as the system has it", light: "light", dark: "dark" };
  return html`<button
    type="button"
    class="small plain"
    aria-label=${`Theme: ${words[now]}`}
    title=${`Theme: ${words[now]}`}
    onClick=${() => setTheme(THEMES[now])}
  >
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      ${
        now === "light"
          ? html`<circle cx="8" cy="8" r="3" class="fill" /><path class="line" d="M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.4 1.4m7.2 7.2L13 13m0-10l-1.4 1.4M4.4 11.6L3 13" />`
          : now === "dark"
            ? html`<path class="fill" d="M13.5 10A6 6 0 0 1 6 2.5a6 6 0 1 0 7.5 7.5z" />`
            : html`<circle cx="8" cy="8" r="6" class="line" /><path class="fill" d="M8 2a6 6 0 0 1 0 12z" />`
      }
    </svg>
  </button>`;
}

function Banner() {
  const isLost = connection.value === "lost";
  return html`${
    isLost &&
    html`<p class="banner bad">
      <strong>Not connected to the daemon.</strong> What is shown is from ${instant(trueOnMs.value, beat.value)} and may be
      old. Trying again.
    </p>`
  }
  ${
    newVersion.value &&
    html`<p class="banner">
      The daemon is now version ${newVersion.value}; this page came from ${session.version}.
      <button type="button" class="small" onClick=${() => location.reload()}>Load it anew</button>
    </p>`
  }`;
}

/** The address says which view is shown, so the link may not change it. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
