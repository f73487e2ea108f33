// Marks and small texts: a state by shape, colour and word; names, ids, instants and durations.

import { html } from "../kit.js";
import { distance, duration, fullInstant, instant, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { isLive, kindOf, wordOf } from "../lib/states.js";
import { visible } from "../lib/visible.js";
import { beat } from "../net/clock.js";

/** The shape of each kind of state, in a square of 16. */
const SHAPES = new Map([
  ["waiting", html`<circle cx="8" cy="8" r="5.2" class="line" /><path d="M8 5v3.2l2 1.4" class="line thin" />`],
  [
    "starting",
    html`<circle cx="8" cy="8" r="5.2" class="line" /><path d="M8 2.8a5.2 5.2 0 0 1 0 10.4z" class="fill" />`,
  ],
  ["running", html`<path d="M4.5 2.8v10.4L13 8z" class="fill" />`],
  ["stopping", html`<rect x="3.6" y="3.6" width="8.8" height="8.8" rx="1" class="line" />`],
  ["stopped", html`<rect x="3.2" y="3.2" width="9.6" height="9.6" rx="1" class="fill" />`],
  ["succeeded", html`<path d="M2.8 8.6l3.4 3.4 7-8" class="line thick" />`],
  ["failed", html`<path d="M3.6 3.6l8.8 8.8m0-8.8l-8.8 8.8" class="line thick" />`],
  ["timeout", html`<path d="M4 2.6h8L8 8zM4 13.4h8L8 8z" class="fill" />`],
  ["error", html`<path d="M8 1.8L15 14H1z" class="line" /><path d="M8 6v4m0 1.6v1" class="line" />`],
  ["on", html`<circle cx="8" cy="8" r="4.2" class="fill" />`],
  ["off", html`<circle cx="8" cy="8" r="4.2" class="line" />`],
  ["unknown", html`<circle cx="8" cy="8" r="3" class="fill" />`],
]);

/**
 * A state, with its word; `isShort` leaves the word to those who cannot see the shape.
 * @param {{ state: string, isShort?: boolean, word?: string }} props
 */
export function StateMark({ state, isShort = false, word }) {
  const kind = kindOf(state);
  return html`<span class=${`state state-${kind}`} title=${isShort ? wordOf(state) : undefined}>
    <svg class="state-shape" viewBox="0 0 16 16" aria-hidden="true">${SHAPES.get(kind)}</svg>
    <span class=${isShort ? "unseen" : "state-word"}>${word ?? wordOf(state)}</span>
  </span>`;
}

/** A name that anybody may have chosen. @param {{ text: string }} props */
export function Name({ text }) {
  return html`<bdi>${visible(text)}</bdi>`;
}

/** @param {{ name: string }} props */
export function JobLink({ name }) {
  return html`<a href=${href("job", { name })}><${Name} text=${name} /></a>`;
}

/** @param {{ id: string }} props */
export function RunLink({ id }) {
  return html`<a class="id" href=${href("run", {}, id)} title=${id}>${shortId(id)}</a>`;
}

/** @param {{ name: string | null }} props */
export function TriggerLink({ name }) {
  if (!name) return html`<span class="quiet">–</span>`;
  return html`<a href=${href("triggers", { name })}><${Name} text=${name} /></a>`;
}

/** An instant, as short as can be; whole where one points at it. @param {{ ms: number | null | undefined }} props */
export function Instant({ ms }) {
  if (ms === null || ms === undefined) return html`<span class="quiet">–</span>`;
  return html`<time dateTime=${new Date(ms).toISOString()} title=${fullInstant(ms)}>${instant(ms, beat.value)}</time>`;
}

/** How far an instant is from now; it moves. @param {{ ms: number | null | undefined }} props */
export function Distance({ ms }) {
  if (ms === null || ms === undefined) return html`<span class="quiet">–</span>`;
  return html`<time dateTime=${new Date(ms).toISOString()} title=${fullInstant(ms)}>${distance(ms, beat.value)}</time>`;
}

/**
 * How long a run ran, or has been running; before its launch, how long it waits.
 * @param {{ run: Pick<import("../types.js").Run, "state" | "started_on_ms" | "launched_on_ms" | "completed_on_ms"> }} props
 */
export function RunDuration({ run }) {
  if (run.completed_on_ms !== null) {
    if (run.launched_on_ms === null) return html`<span class="quiet" title="It never ran.">–</span>`;
    return html`<span>${duration(run.completed_on_ms - run.launched_on_ms)}</span>`;
  }
  if (!isLive(run.state)) return html`<span class="quiet">–</span>`;
  const since = run.launched_on_ms ?? run.started_on_ms;
  const text = duration(Math.max(Math.floor((beat.value - since) / 1000), 0) * 1000).replace(/\.0 s$/, " s");
  return run.launched_on_ms === null
    ? html`<span class="quiet" title="It waits for so long.">waits ${text}</span>`
    : html`<span class="growing">${text}</span>`;
}

/** What the list of a term and what is told of it looks like. @param {{ items: [string, unknown][] }} props */
export function Facts({ items }) {
  return html`<dl class="facts">
    ${items.map(([term, told]) => html`<div key=${term}><dt>${term}</dt><dd>${told}</dd></div>`)}
  </dl>`;
}

/** @param {{ error: { message: string } | null }} props */
export function Problem({ error }) {
  if (!error) return null;
  return html`<p class="problem" role="alert">${visible(error.message)}</p>`;
}

/** @param {{ text: string }} props */
export function CopyButton({ text }) {
  const copy = async (/** @type {MouseEvent} */ event) => {
    const button = /** @type {HTMLElement} */ (event.currentTarget);
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  return html`<button type="button" class="small" onClick=${copy}>Copy</button>`;
}
