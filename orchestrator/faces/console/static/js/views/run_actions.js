// What can be done with a run: stop it, run its job again with its arguments or others, retry it within its chain.

import { html, useState } from "../kit.js";
import { shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { hasFailed, isLive } from "../lib/states.js";
import { goTo } from "../net/address.js";
import { session } from "../net/session.js";
import { act, confirmed } from "../parts/dialog.js";
import { useKeys } from "../parts/keys.js";
import { StartDialog } from "./start_dialog.js";

/** @typedef {import("../types.js").Run} Run */

/**
 * @param {{ run: Run, given: Record<string, string> | null, defaults: Record<string, string> | null }} props
 *   given: what the run was given over the job's own
 */
export function RunActions({ run, given, defaults }) {
  const [isOpen, setOpen] = useState(false);
  const canStop = isLive(run.state) && run.state !== "STOPPING";
  const stop = async () => {
    const sure = await confirmed(
      "Stop this run?",
      `${run.job_name} (${shortId(run.id)}) is asked to end, and after a time of grace it is ended.`,
      "Stop it",
    );
    if (sure) await stopRun(run);
  };
  const canRetry = hasFailed(run.state);
  const show = (/** @type {string} */ id) => goTo(href("run", {}, id));
  const retry = async () => {
    const chain =
      run.chain_key === null
        ? "It belongs to no chain, so nothing follows from it."
        : "It goes on with its chain: what waits there for its end follows.";
    const text = `${run.job_name} (${shortId(run.id)}) is tried once more, with the arguments that it was given. ${chain}`;
    if (!(await confirmed("Retry this run?", text, "Retry it", false))) return;
    const answer = await act("StartJobRun", { JobName: run.job_name, JobRunId: run.id }, "It was accepted.");
    if (answer) show(String(answer.JobRunId));
  };
  useKeys(session.isReadOnly ? {} : { s: () => void (canStop && stop()), r: () => setOpen(true) });
  if (session.isReadOnly) return null;
  return html`<div class="actions">
    ${canStop && html`<button type="button" class="bad" onClick=${stop}>Stop</button>`}
    ${canRetry && html`<button type="button" onClick=${retry}>Retry…</button>`}
    <button type="button" class=${canStop ? "" : "main"} onClick=${() => setOpen(true)}>Run again…</button>
    ${
      isOpen &&
      html`<${StartDialog}
        jobName=${run.job_name}
        isAgain=${true}
        canRetry=${canRetry}
        given=${given}
        defaults=${defaults}
        onClose=${() => setOpen(false)}
        onStarted=${show}
      />`
    }
  </div>`;
}

/** @param {Run} run */
async function stopRun(run) {
  const answer = await act("BatchStopJobRun", { JobName: run.job_name, JobRunIds: [run.id] }, "It is being stopped.");
  const errors = /** @type {{ ErrorDetail?: { ErrorMessage?: string } }[]} */ (answer?.Errors ?? []);
  if (errors[0]) throw new Error(errors[0].ErrorDetail?.ErrorMessage ?? "It could not be stopped.");
}
