// One run: its log beside all that is known of it, and what can be done with it.

import { html, useEffect, useState } from "../kit.js";
import { bytes, duration, figure, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { isLive, wordOf } from "../lib/states.js";
import { used } from "../lib/steps.js";
import { visible } from "../lib/visible.js";
import { changeParams } from "../net/address.js";
import { ask, askLog } from "../net/api.js";
import { onRuns } from "../net/live.js";
import { useLoaded, useReloadOnRuns } from "../net/loading.js";
import { Facts, Instant, JobLink, Name, Problem, RunDuration, StateMark, TriggerLink } from "../parts/marks.js";
import { useTitle } from "../parts/title.js";
import { Log } from "./log.js";
import { RunActions } from "./run_actions.js";
import { Arguments, Attempts, History, Ledger, Place } from "./run_panels.js";
import { Reasons } from "./run_reasons.js";
import { Resources } from "./run_resources.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {import("../types.js").RunDetails} RunDetails */

/** @param {{ id: string, params: URLSearchParams }} props */
export function RunView({ id, params }) {
  const path = `/runs/${encodeURIComponent(id)}`;
  const details = useLoaded(path, (signal) => /** @type {Promise<RunDetails>} */ (ask(path, {}, signal)));
  const told = details.value;
  const base = id.replace(/_attempt_\d+$/, "");
  useReloadOnRuns(details.reload, (run) => run.id.startsWith(base));
  const run = useNewest(id, told?.run ?? null);
  useTitle(run ? `${run.job_name} ${wordOf(run.state)}` : "Run");
  useSamples(run, details.reload);
  const stream = useStream(run, params.get("stream"));
  if (!told || !run)
    return html`<div class="page"><${Problem} error=${details.error} />${!details.error && html`<p class="quiet">Reading…</p>`}</div>`;
  return html`<div class="page run-page">
    <${Head} run=${run} told=${told} />
    <div class="run-columns">
      <div class="run-main">
        <${Log} run=${run} stream=${stream} onStream=${(/** @type {string} */ stream) => changeParams({ stream })} />
      </div>
      <aside class="run-side" aria-label="About the run">
        <${Reasons} run=${run} />
        <${History} steps=${told.history} />
        <${Arguments} told=${told.arguments} />
        <${Resources} run=${run} samples=${told.samples} />
        ${told.attempts.length > 1 && html`<${Attempts} attempts=${told.attempts} current=${id} />`}
        <${Ledger} told=${told} />
        <${Place} told=${told} />
      </aside>
    </div>
  </div>`;
}

/**
 * Return which stream of the log is shown: the one that was chosen, or the one that tells why the run had failed when one came.
 * @param {Run | null} run
 * @param {string | null} chosen
 * @returns {"stdout" | "stderr"}
 */
function useStream(run, chosen) {
  const [hasComplaint, setComplaint] = useState(false);
  useEffect(() => {
    if (run === null || chosen !== null || run.state !== "FAILED") return undefined;
    const asked = new AbortController();
    askLog(run.id, "stderr", { tail_bytes: 1 }, asked.signal).then(
      (piece) => setComplaint(piece.next > 0),
      () => {}, // the log says what is wrong itself
    );
    return () => asked.abort();
  }, [run === null]);
  return (chosen ?? (hasComplaint ? "stderr" : "stdout")) === "stderr" ? "stderr" : "stdout";
}

/** @param {{ run: Run, told: RunDetails }} props */
function Head({ run, told }) {
  const { cpuMs, peakBytes } = used(run, told.samples);
  /** @type {[string, unknown][]} */
  const facts = [
    ["Accepted", html`<${Instant} ms=${run.started_on_ms} />`],
    ["Launched", html`<${Instant} ms=${run.launched_on_ms} />`],
    ["Ended", html`<${Instant} ms=${run.completed_on_ms} />`],
    ["Duration", html`<${RunDuration} run=${run} />`],
    ["DPU", figure(run.dpu)],
    ["CPU", duration(cpuMs)],
    ["Peak memory", bytes(peakBytes)],
    ["Exit", exitOf(run)],
    ["Trigger", html`<${TriggerLink} name=${run.trigger_name} />`],
  ];
  if (told.workflow_run) {
    const { workflow_name: name, id } = told.workflow_run;
    facts.push(["Workflow", html`<a href=${href("workflow", { name, run: id })}><${Name} text=${name} /></a>`]);
  }
  return html`<div class="head">
      <div>
        <p class="crumbs"><a href="#/runs">Runs</a> / <${JobLink} name=${run.job_name} /></p>
        <div class="title-row">
          <h1><${Name} text=${run.job_name} /> <span class="id" title=${run.id}>${shortId(run.id)}</span></h1>
          <div aria-live="polite"><${StateMark} state=${run.state} /></div>
        </div>
      </div>
      <${RunActions} run=${run} given=${told.arguments.override} defaults=${told.arguments.default} />
    </div>
    ${run.state_detail && run.state !== "WAITING" && html`<p class="note-line">${visible(run.state_detail)}</p>`}
    ${run.error_message && html`<pre class="error-message" tabindex="0" aria-label="Error message">${visibleLines(run.error_message)}</pre>`}
    <${Facts} items=${facts} />`;
}

/** @param {Run} run */
function exitOf(run) {
  if (run.exit_signal !== null) return `signal ${run.exit_signal}`;
  return run.exit_code === null ? "–" : `code ${run.exit_code}`;
}

/** @param {string} text */
function visibleLines(text) {
  return text.split("\n").map(visible).join("\n");
}

/** The run as the newest event or answer has it. @param {string} id @param {Run | null} read @returns {Run | null} */
function useNewest(id, read) {
  const [run, setRun] = useState(read);
  useEffect(() => setRun(read), [read]);
  useEffect(
    () =>
      onRuns((runs) => {
        const own = runs.filter((one) => one.id === id).at(-1);
        if (own) setRun(own);
      }),
    [id],
  );
  return run ?? read;
}

/** While a run is under way its samples are read anew from time to time. @param {Run | null} run @param {() => void} reload */
function useSamples(run, reload) {
  const isUnderWay = run !== null && isLive(run.state) && run.launched_on_ms !== null;
  useEffect(() => {
    if (!isUnderWay) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, 5000);
    return () => clearInterval(timer);
  }, [isUnderWay, reload]);
}
