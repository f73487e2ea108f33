// One workflow: its graph as the chosen run went through it, and its runs.

import { html } from "../kit.js";
import { duration, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { visible } from "../lib/visible.js";
import { beat } from "../net/clock.js";
import { changeParams } from "../net/address.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions, useReloadOnRuns } from "../net/loading.js";
import { session } from "../net/session.js";
import { act, confirmed } from "../parts/dialog.js";
import { Instant, Name, Problem, StateMark } from "../parts/marks.js";
import { Panel } from "../parts/panel.js";
import { useTitle } from "../parts/title.js";
import { TriggerGraph } from "./graph.js";
import { ChainLines } from "./run_reasons.js";
import { TriggerTable } from "./triggers.js";

/** @typedef {import("../types.js").Workflow} Workflow */
/** @typedef {import("../types.js").WorkflowRun} WorkflowRun */
/** @typedef {import("../types.js").Trigger} Trigger */
/** @typedef {import("../types.js").Chain} Chain */
/** @typedef {{ workflow: Workflow, triggers: Trigger[], runs: WorkflowRun[] }} Told */
/** @typedef {{ workflow_run?: WorkflowRun, run?: WorkflowRun, chain: Chain | null, resumable?: Record<string, string> }} ToldRun */

/** @param {{ params: URLSearchParams }} props */
export function WorkflowView({ params }) {
  const name = params.get("name") ?? "";
  useTitle(name);
  const found = useLoaded(
    `/workflow?${name}`,
    (signal) => /** @type {Promise<Told>} */ (ask("/workflow", { name }, signal)),
  );
  const chosen = params.get("run") || found.value?.runs[0]?.id || "";
  const run = useLoaded(`/workflow?${name}&${chosen}`, (signal) =>
    chosen
      ? /** @type {Promise<ToldRun>} */ (ask("/workflow", { name, run: chosen }, signal))
      : Promise.resolve({ chain: null }),
  );
  const reload = () => {
    found.reload();
    run.reload();
  };
  useReloadOnDefinitions(found.reload);
  useReloadOnRuns(found.reload, (one) => one.chain_key !== null);
  useReloadOnRuns(run.reload, (one) => one.chain_key !== null);
  const told = found.value;
  if (!told)
    return html`<div class="page"><${Problem} error=${found.error} />${!found.error && html`<p class="quiet">Reading…</p>`}</div>`;
  const chain = run.value?.chain ?? null;
  const { states, runs } = statesOf(chain);
  const shown = told.runs.find((one) => one.id === chosen) ?? run.value?.workflow_run ?? run.value?.run ?? null;
  return html`<div class="page">
    <div class="head">
      <div><p class="crumbs"><a href="#/workflows">Workflows</a> /</p><div class="title-row">
          <h1><${Name} text=${name} /></h1>
          ${shown && html`<${StateMark} state=${shown.status} />`}
        </div>
      </div>
      ${!session.isReadOnly && html`<${Actions} name=${name} run=${shown} resumable=${run.value?.resumable ?? {}} onChange=${reload} />`}
    </div>
    ${told.workflow.description && html`<p class="quiet">${visible(told.workflow.description)}</p>`}
    ${shown?.error_message && html`<p class="problem">${visible(shown.error_message)}</p>`}
    <${TriggerGraph} triggers=${told.triggers} states=${states} runs=${runs} label="The workflow as the chosen run went through it" />
    <div class="two-columns">
      <${Runs} told=${told} chosen=${chosen} />
      ${chain && html`<${Panel} title="Chain of the chosen run" isOpen=${true}><${ChainLines} chain=${chain} /><//>`}
    </div>
    <h2>Triggers</h2>
    <${TriggerTable} triggers=${told.triggers} onChange=${reload} />
  </div>`;
}

/** @param {Chain | null} chain */
function statesOf(chain) {
  /** @type {Map<string, string>} */
  const states = new Map();
  /** @type {Map<string, string>} */
  const runs = new Map();
  for (const line of chain?.lines ?? []) {
    if (line.kind !== "run") continue;
    states.set(line.job_name, line.state);
    runs.set(line.job_name, line.id);
  }
  return { states, runs };
}

/** @param {{ told: Told, chosen: string }} props */
function Runs({ told, chosen }) {
  const took = (/** @type {WorkflowRun} */ run) => duration((run.completed_on_ms ?? beat.value) - run.started_on_ms);
  return html`<${Panel} title="Runs" count=${told.runs.length} isOpen=${true}>
    ${told.runs.length === 0 && html`<p class="quiet">It has not run yet.</p>`}
    ${
      told.runs.length > 0 &&
      html`<table class="small-table">
        <thead><tr><th scope="col">State</th><th scope="col">Run</th><th scope="col">Begun</th><th scope="col">Duration</th></tr></thead>
        <tbody>
          ${told.runs.map(
            (run) =>
              html`<tr key=${run.id} class=${run.id === chosen ? "chosen" : ""}>
                <td><${StateMark} state=${run.status} /></td>
                <td><a class="id" href=${href("workflow", { name: told.workflow.name, run: run.id })} title=${run.id} aria-current=${run.id === chosen ? "true" : undefined}>${shortId(run.id)}</a></td>
                <td><${Instant} ms=${run.started_on_ms} /></td>
                <td>${took(run)}</td>
              </tr>`,
          )}
        </tbody>
      </table>`
    }
  <//>`;
}

/**
 * @param {{ name: string, run: WorkflowRun | null, resumable: Record<string, string>, onChange: () => void }} props
 *   resumable: the nodes from which the run can be resumed, by job
 */
function Actions({ name, run, resumable, onChange }) {
  const begin = async (/** @type {string} */ action, /** @type {Record<string, unknown>} */ members) => {
    const answer = await act(action, { Name: name, ...members }, "The workflow runs.");
    if (!answer) return;
    changeParams({ run: String(answer.RunId ?? "") });
    onChange();
  };
  const jobs = Object.keys(resumable);
  const resume = async () => {
    const sure = await confirmed(
      "Resume this run of the workflow?",
      `A new run of the workflow repeats ${jobs.join(", ")} and what follows from there, and takes over all else.`,
      "Resume it",
      false,
    );
    if (run && sure) await begin("ResumeWorkflowRun", { RunId: run.id, NodeIds: Object.values(resumable) });
  };
  const stop = async () => {
    if (!run) return;
    const sure = await confirmed(
      "Stop this run of the workflow?",
      "Its runs are asked to end, and no trigger of it fires any more.",
      "Stop it",
    );
    if (sure && (await act("StopWorkflowRun", { Name: name, RunId: run.id }, "It is being stopped."))) onChange();
  };
  return html`<div class="actions">
    ${run?.status === "RUNNING" && html`<button type="button" class="bad" onClick=${stop}>Stop…</button>`}
    ${run && jobs.length > 0 && html`<button type="button" onClick=${resume}>Resume…</button>`}
    <button type="button" class="main" onClick=${() => begin("StartWorkflowRun", {})}>Start</button>
  </div>`;
}
