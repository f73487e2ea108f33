// Starting a run: the arguments that it is to be given over the job's own, edited row by row.

import { html, useState } from "../kit.js";
import { argumentsOf, problemOf, rowsOf } from "../lib/edited_arguments.js";
import { visible } from "../lib/visible.js";
import { act, Dialog } from "../parts/dialog.js";
import { Name } from "../parts/marks.js";

/** @typedef {import("../lib/edited_arguments.js").Row} Row */

/**
 * @param {{ jobName: string, isAgain?: boolean, canRetry?: boolean, given: Record<string, string> | null,
 *   defaults: Record<string, string> | null, onClose: () => void, onStarted: (runId: string) => void }} props
 *   given: to begin with; isAgain: it is what an earlier run was given; canRetry: which can be retried as well
 */
export function StartDialog({ jobName, isAgain = false, canRetry = false, given, defaults, onClose, onStarted }) {
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
    const wrong = problemOf(rows, canRetry);
    if (wrong) return setProblem(wrong);
    setBusy(true);
    const answer = await act("StartJobRun", { JobName: jobName, Arguments: argumentsOf(rows) }, "It was accepted.");
    setBusy(false);
    if (!answer) return undefined;
    onClose();
    onStarted(String(answer.JobRunId));
    return undefined;
  };
  const remaining = Object.entries(defaults ?? {}).filter(([key]) => !rows.some((row) => row.key === key));
  return html`<${Dialog} title=${isAgain ? `Run ${jobName} again` : `Start ${jobName}`} onClose=${onClose} isWide=${true}>
    <form onSubmit=${start}>
      <p class="quiet">${isAgain && "This is a new run, which does not go on with the chain of the earlier one. "}Arguments of this run, over the job's own.</p>
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
