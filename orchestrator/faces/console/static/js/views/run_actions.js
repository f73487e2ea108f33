// What can be done with a run: stop it, run it again as it was or with other arguments.

import { html, useState } from "../kit.js";
import { shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { isLive } from "../lib/states.js";
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
  useKeys(session.isReadOnly ? {} : { s: () => void (canStop && stop()), r: () => setOpen(true) });
  if (session.isReadOnly) return null;
  return html`<div class="actions">
    ${canStop && html`<button type="button" class="bad" onClick=${stop}>Stop</button>`}
    <button type="button" class=${canStop ? "" : "main"} onClick=${() => setOpen(true)}>Run again…</button>
    ${
      isOpen &&
      html`<${StartDialog}
        jobName=${run.job_name}
        earlier=${run.id}
        given=${given}
        defaults=${defaults}
        onClose=${() => setOpen(false)}
        onStarted=${(/** @type {string} */ id) => goTo(href("run", {}, id))}
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
