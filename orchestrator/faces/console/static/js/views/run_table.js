// The table of runs: its head, and a row. They draw what they are given, and ask nothing.

import { html } from "../kit.js";
import { shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { COLUMNS, noteOf } from "../lib/run_row.js";
import { visible } from "../lib/visible.js";
import { Instant, Name, RunDuration, StateMark, TriggerLink } from "../parts/marks.js";

/** @typedef {import("../types.js").Run} Run */

/** What the columns tell. */
export function RunHead() {
  return html`<thead>
    <tr aria-rowindex="1">
      ${COLUMNS.map(([kind, word]) => html`<th key=${kind} scope="col" class=${kind}>${word}</th>`)}
    </tr>
  </thead>`;
}

/** @param {{ run: Run, place: number, isChosen: boolean }} props */
export function RunRow({ run, place, isChosen }) {
  return html`<tr data-row aria-rowindex=${place + 2} class=${isChosen ? "chosen" : ""}>
    <td class="c-state"><${StateMark} state=${run.state} /></td>
    <td class="c-job">
      <a id=${`run-${run.id}`} class="row-link" href=${href("run", {}, run.id)}><${Name} text=${run.job_name} /></a>
    </td>
    <td class="c-id"><span class="id" title=${run.id}>${shortId(run.id)}</span></td>
    <td class="c-time"><${Instant} ms=${run.started_on_ms} /></td>
    <td class="c-duration"><${RunDuration} run=${run} /></td>
    <td class="c-trigger"><${TriggerLink} name=${run.trigger_name} /></td>
    <td class="c-dpu">${run.dpu}</td>
    <td class="c-told" title=${visible(noteOf(run))}><bdi>${visible(noteOf(run))}</bdi></td>
  </tr>`;
}
