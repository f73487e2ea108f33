// Marks and small texts: a state by shape, colour and word; names, ids, instants and durations.

import { h, html } from "../kit.js";
import { distance, fullInstant, instant, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { spanOf } from "../lib/run_row.js";
import { shapeOf } from "../lib/shapes.js";
import { kindOf, wordOf } from "../lib/states.js";
import { visible } from "../lib/visible.js";
import { beat } from "../net/clock.js";

/**
 * A state, with its word; `isShort` leaves the word to those who cannot see the shape.
 * @param {{ state: string, isShort?: boolean, word?: string }} props
 */
export function StateMark({ state, isShort = false, word }) {
  const kind = kindOf(state);
  return html`<span class=${`state state-${kind}`} title=${isShort ? wordOf(state) : undefined}>
    <svg class="state-shape" viewBox="0 0 16 16" aria-hidden="true">${shapeOf(kind).map(([tag, attributes]) => h(tag, attributes))}</svg>
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

/** How long a run ran, has been running, or waits. @param {{ run: import("../lib/run_row.js").Timed }} props */
export function RunDuration({ run }) {
  const { text, kind, title } = spanOf(run, beat.value);
  return html`<span class=${kind} title=${title}>${text}</span>`;
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
