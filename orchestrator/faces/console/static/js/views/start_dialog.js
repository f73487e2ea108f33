// Starting a run: the arguments that it is to be given over the job's own, edited row by row.

import { html, useState } from "../kit.js";
import { HIDDEN, areUnchanged, argumentsOf, problemOf, rowsOf } from "../lib/edited_arguments.js";
import { visible } from "../lib/visible.js";
import { act, Dialog } from "../parts/dialog.js";
import { Name } from "../parts/marks.js";

/** @typedef {import("../lib/edited_arguments.js").Row} Row */

/**
 * @param {{ jobName: string, earlier?: string, given: Record<string, string> | null,
 *   defaults: Record<string, string> | null, onClose: () => void, onStarted: (runId: string) => void }} props
 *   earlier: the run whose arguments these are
 */
export function StartDialog({ jobName, earlier, given, defaults, onClose, onStarted }) {
  const [rows, setRows] = useState(() => [...rowsOf(given), { key: "", value: "" }]);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const set = (/** @type {number} */ place, /** @type {Partial<Row>} */ some) => {
    const next = rows.map((row, at) => (at === place ? { ...row, ...some } : row));
    const last = next.at(-1);
    setRows(last && (last.key || last.value) ? [...next, { key: "", value: "" }] : next);
    setProblem("");
  };
  const start = async (/** @type {Event} */ event) => {
    event.preventDefault();
    // The daemon knows what is hidden here: an unchanged run with secrets is asked for by the run that had them.
    const isByName =
      earlier !== undefined && areUnchanged(rows, given) && rows.some(({ value }) => value.includes(HIDDEN));
    const wrong = isByName ? null : problemOf(rows);
    if (wrong) return setProblem(wrong);
    setBusy(true);
    const members = isByName
      ? { JobName: jobName, JobRunId: earlier }
      : { JobName: jobName, Arguments: argumentsOf(rows) };
    const answer = await act("StartJobRun", members, "It was accepted.");
    setBusy(false);
    if (!answer) return undefined;
    onClose();
    onStarted(String(answer.JobRunId));
    return undefined;
  };
  const remaining = Object.entries(defaults ?? {}).filter(([key]) => !rows.some((row) => row.key === key));
  return html`<${Dialog} title=${earlier ? `Run ${jobName} again` : `Start ${jobName}`} onClose=${onClose} isWide=${true}>
    <form onSubmit=${start}>
      <p class="quiet">Arguments of this run, over the job's own.</p>
      <div class="rows">
        ${rows.map(
          (row, place) =>
            html`<div class="row" key=${place}>
              <input aria-label=${`Name of argument ${place + 1}`} placeholder="--name" value=${row.key} spellcheck="false" autocomplete="off" list="default-names" onInput=${(/** @type {Event} */ event) => set(place, { key: valueOf(event) })} />
              <input aria-label=${`Value of argument ${place + 1}`} placeholder="value" value=${row.value} spellcheck="false" autocomplete="off" onInput=${(/** @type {Event} */ event) => set(place, { value: valueOf(event) })} />
              <button type="button" class="small" aria-label=${`Remove argument ${place + 1}`} disabled=${place === rows.length - 1} onClick=${() => setRows(rows.filter((_, at) => at !== place))}>×</button>
            </div>`,
        )}
      </div>
      <datalist id="default-names">${remaining.map(([key]) => html`<option key=${key} value=${key} />`)}</datalist>
      ${
        remaining.length > 0 &&
        html`<details class="defaults">
          <summary>Arguments that the job gives (${remaining.length})</summary>
          <ul>${remaining.map(([key, value]) => html`<li key=${key}><code><${Name} text=${key} /> <${Name} text=${value} /></code></li>`)}</ul>
        </details>`
      }
      ${problem && html`<p class="problem" role="alert">${visible(problem)}</p>`}
      <div class="buttons">
        <button type="submit" class="main" disabled=${isBusy}>Start</button>
        <button type="button" onClick=${onClose}>Cancel</button>
      </div>
    </form>
  <//>`;
}

/** @param {Event} event */
function valueOf(event) {
  return /** @type {HTMLInputElement} */ (event.target).value;
}
