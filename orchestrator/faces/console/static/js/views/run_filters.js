// The filters of the runs, as a form.

import { html, useEffect, useRef, useState } from "../kit.js";
import { spanMs } from "../lib/filters.js";
import { STATES } from "../lib/states.js";
import { ask } from "../net/api.js";
import { StateMark } from "../parts/marks.js";

/** @typedef {import("../lib/filters.js").RunFilters} Filters */

const SPANS = /** @type {const} */ ([
  ["", "Any time"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["1d", "Last day"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
]);
const TYPING_MS = 250;

/** @param {{ filters: Filters, onChange: (some: Partial<Filters>) => void }} props */
export function RunFilters({ filters, onChange }) {
  const names = useNames();
  const toggle = (/** @type {string} */ state) =>
    onChange({
      states: filters.states.includes(state)
        ? filters.states.filter((one) => one !== state)
        : [...filters.states, state],
    });
  return html`<form class="filters" role="search" aria-label="Filter runs" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <div class="fields">
      <${Field} id="filter-text" label="Text" value=${filters.text} placeholder="Search ids, errors, arguments  ( / )" onChange=${(/** @type {string} */ text) => onChange({ text })} />
      <${Field} id="filter-job" label="Job" value=${filters.job} list="known-jobs" onOpen=${names.load} onChange=${(/** @type {string} */ job) => onChange({ job })} />
      <${Field} id="filter-trigger" label="Trigger" value=${filters.trigger} list="known-triggers" onOpen=${names.load} onChange=${(/** @type {string} */ trigger) => onChange({ trigger })} />
      <${TimeFields} filters=${filters} onChange=${onChange} />
    </div>
    <div class="chips" role="group" aria-label="States">
      ${STATES.map(
        (state) =>
          html`<button key=${state} type="button" class="chip" aria-pressed=${filters.states.includes(state) ? "true" : "false"} onClick=${() => toggle(state)}>
            <${StateMark} state=${state} />
          </button>`,
      )}
    </div>
    <datalist id="known-jobs">${names.jobs.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
    <datalist id="known-triggers">${names.triggers.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
  </form>`;
}

/**
 * @param {{ id: string, label: string, value: string, onChange: (text: string) => void, placeholder?: string,
 *   list?: string, onOpen?: () => void }} props
 */
function Field({ id, label, value, onChange, placeholder = "", list, onOpen }) {
  const [text, setText] = useState(value);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = (/** @type {Event} */ event) => {
    const next = /** @type {HTMLInputElement} */ (event.target).value;
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(next.trim()), TYPING_MS);
  };
  return html`<label class="field" for=${id}>
    <span>${label}</span>
    <input id=${id} type="search" value=${text} placeholder=${placeholder} list=${list} autocomplete="off" spellcheck="false" onInput=${typed} onFocus=${onOpen} />
  </label>`;
}

/** @param {{ filters: Filters, onChange: (some: Partial<Filters>) => void }} props */
function TimeFields({ filters, onChange }) {
  const isExact = (filters.since !== "" && spanMs(filters.since) === null) || filters.until !== "";
  const [isOpen, setOpen] = useState(isExact);
  const chosen = (/** @type {Event} */ event) => {
    const next = /** @type {HTMLSelectElement} */ (event.target).value;
    setOpen(next === "exact");
    if (next !== "exact") onChange({ since: next, until: "" });
  };
  const isShown = isOpen || isExact;
  const known = SPANS.some(([span]) => span === filters.since);
  return html`<label class="field" for="filter-time">
      <span>Time</span>
      <select id="filter-time" value=${isShown ? "exact" : filters.since} onChange=${chosen}>
        ${SPANS.map(([span, word]) => html`<option key=${span} value=${span}>${word}</option>`)}
        ${!known && !isShown && html`<option value=${filters.since}>Last ${filters.since}</option>`}
        <option value="exact">From … to …</option>
      </select>
    </label>
    ${isShown && html`<${Exact} id="filter-since" label="From" value=${filters.since} onChange=${(/** @type {string} */ since) => onChange({ since })} />`}
    ${isShown && html`<${Exact} id="filter-until" label="To" value=${filters.until} onChange=${(/** @type {string} */ until) => onChange({ until })} />`}`;
}

/** @param {{ id: string, label: string, value: string, onChange: (ms: string) => void }} props */
function Exact({ id, label, value, onChange }) {
  const set = (/** @type {Event} */ event) => {
    const at = new Date(/** @type {HTMLInputElement} */ (event.target).value).getTime();
    onChange(Number.isNaN(at) ? "" : String(at));
  };
  return html`<label class="field" for=${id}>
    <span>${label}</span><input id=${id} type="datetime-local" step="1" value=${local(value)} onChange=${set} />
  </label>`;
}

/** @param {string} value @returns {string} as a datetime-local field has it */
function local(value) {
  if (value === "" || spanMs(value) !== null) return "";
  const at = new Date(Number(value));
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The names that are offered; read when somebody comes to a field. */
function useNames() {
  const [names, setNames] = useState({ jobs: /** @type {string[]} */ ([]), triggers: /** @type {string[]} */ ([]) });
  const isAsked = useRef(false);
  const load = async () => {
    if (isAsked.current) return;
    isAsked.current = true;
    try {
      const [jobs, triggers] = /** @type {[{ jobs: { name: string }[] }, { triggers: { name: string }[] }]} */ (
        await Promise.all([ask("/jobs"), ask("/triggers")])
      );
      setNames({ jobs: jobs.jobs.map((one) => one.name), triggers: triggers.triggers.map((one) => one.name) });
    } catch {
      isAsked.current = false; // nothing is offered; the field works all the same
    }
  };
  return { ...names, load };
}
