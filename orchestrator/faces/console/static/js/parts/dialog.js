// Dialogs and notes: questions before what cannot be undone, and what became of it.

import { html, signal, useLayoutEffect, useRef } from "../kit.js";
import { visible } from "../lib/visible.js";
import { session } from "../net/session.js";
import { call } from "../net/api.js";

/** @typedef {{ readonly id: number, readonly text: unknown, readonly isBad: boolean }} Note */

/** @type {import("../kit.js").Signal<Note[]>} */
const notes = signal(/** @type {Note[]} */ ([]));
let lastNote = 0;

/**
 * Say something for some seconds; a screen reader hears it.
 * @param {unknown} text
 * @param {boolean} [isBad] it stays until it is put away
 */
export function say(text, isBad = false) {
  const id = (lastNote += 1);
  notes.value = [...notes.value.slice(-3), { id, text, isBad }];
  if (!isBad) setTimeout(() => putAway(id), 6000);
}

/** @param {number} id */
function putAway(id) {
  notes.value = notes.value.filter((note) => note.id !== id);
}

/** Where notes appear. */
export function Notes() {
  return html`<div class="notes" role="status" aria-live="polite">
    ${notes.value.map(
      (note) =>
        html`<div key=${note.id} class=${note.isBad ? "note bad" : "note"}>
          <span>${typeof note.text === "string" ? visible(note.text) : note.text}</span>
          <button type="button" class="small" aria-label="Put away" onClick=${() => putAway(note.id)}>×</button>
        </div>`,
    )}
  </div>`;
}

/**
 * A dialog over the page. It is there while it is drawn; Escape and a click beside it close it.
 * @param {{ title: string, onClose: () => void, children?: unknown, isWide?: boolean }} props
 */
export function Dialog({ title, onClose, children, isWide = false }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // At once: until the next frame what had the focus may have lost it. It gets it back when nothing is over it any more.
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    ref.current?.showModal();
    return () => queueMicrotask(() => before?.focus?.());
  }, []);
  const beside = (/** @type {MouseEvent} */ event) => {
    if (event.target === ref.current) onClose();
  };
  return html`<dialog
    ref=${ref}
    class=${isWide ? "wide" : ""}
    aria-label=${title}
    onClose=${onClose}
    onCancel=${onClose}
    onMouseDown=${beside}
  >
    <div class="dialog-body">
      <header>
        <h2>${visible(title)}</h2>
        <button type="button" class="small" aria-label="Close" onClick=${onClose}>×</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** @typedef {{ title: string, text: string, verb: string, isBad: boolean, answer: (yes: boolean) => void }} Question */

/** @type {import("../kit.js").Signal<Question | null>} */
const question = signal(/** @type {Question | null} */ (null));

/**
 * Ask before something that cannot be undone.
 * @param {string} title
 * @param {string} text
 * @param {string} verb what the button says that does it
 * @param {boolean} [isBad] it ends or takes away something
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, verb, isBad = true) {
  return new Promise((resolve) => {
    const answer = (/** @type {boolean} */ yes) => {
      question.value = null;
      resolve(yes);
    };
    question.value = { title, text, verb, isBad, answer };
  });
}

/** Where questions appear. */
export function Questions() {
  const asked = question.value;
  if (!asked) return null;
  const no = () => asked.answer(false);
  return html`<${Dialog} key=${asked.title} title=${asked.title} onClose=${no}>
    <p>${visible(asked.text)}</p>
    <div class="buttons">
      <button type="button" class=${asked.isBad ? "bad" : "main"} onClick=${() => asked.answer(true)}>${asked.verb}</button>
      <button type="button" autofocus onClick=${no}>Leave it</button>
    </div>
  <//>`;
}

/**
 * Call an action and say what became of it.
 * @param {string} action
 * @param {Record<string, unknown>} members
 * @param {string} done what is said where it went well
 * @returns {Promise<Record<string, unknown> | null>} its answer, or null where it was refused
 */
export async function act(action, members, done) {
  if (session.isReadOnly) return null;
  try {
    const answer = await call(action, members);
    say(done);
    return answer;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), true);
    return null;
  }
}
