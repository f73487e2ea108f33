// All triggers: as a graph with the jobs, and as a list with what comes next.

import { html, useEffect } from "../kit.js";
import { counted } from "../lib/format.js";
import { href } from "../lib/route.js";
import { visible } from "../lib/visible.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions, useReloadOnRuns } from "../net/loading.js";
import { session } from "../net/session.js";
import { act, confirmed } from "../parts/dialog.js";
import { Distance, Instant, JobLink, Name, Problem, RunLink, StateMark } from "../parts/marks.js";
import { useTitle } from "../parts/title.js";
import { TriggerGraph } from "./graph.js";

/** @typedef {import("../types.js").Trigger} Trigger */

/** @param {{ params: URLSearchParams }} props */
export function TriggersView({ params }) {
  useTitle("Triggers");
  const chosen = params.get("name") ?? "";
  const found = useLoaded(
    "/triggers",
    (signal) => /** @type {Promise<{ triggers: Trigger[] }>} */ (ask("/triggers", {}, signal)),
  );
  useReloadOnDefinitions(found.reload);
  useReloadOnRuns(found.reload, (run) => run.trigger_name !== null, 1000);
  const triggers = found.value?.triggers ?? [];
  useEffect(() => {
    if (chosen && triggers.length > 0)
      document.getElementById(`trigger-${chosen}`)?.scrollIntoView({ block: "center" });
  }, [chosen, triggers.length > 0]);
  return html`<div class="page">
    <div class="head"><h1>Triggers</h1><p class="quiet">${found.value ? counted(triggers.length, "trigger") : "Reading…"}</p></div>
    <${Problem} error=${found.error} />
    ${found.value && triggers.length === 0 && html`<p class="empty">There are no triggers yet. A file in the jobs directory makes one, or CreateTrigger.</p>`}
    <${TriggerGraph} triggers=${triggers} label="Triggers and the jobs that they start and watch" />
    ${triggers.length > 0 && html`<${TriggerTable} triggers=${triggers} chosen=${chosen} onChange=${found.reload} />`}
  </div>`;
}

/** @param {{ triggers: readonly Trigger[], chosen?: string, onChange: () => void }} props */
export function TriggerTable({ triggers, chosen = "", onChange }) {
  return html`<div class="scrolls" role="region" aria-label="Triggers" tabindex="0">
    <table class="list">
      <thead>
        <tr><th scope="col">Trigger</th><th scope="col">State</th><th scope="col">When</th><th scope="col">Starts</th><th scope="col">Next</th><th scope="col">Last fired</th>${!session.isReadOnly && html`<th scope="col"><span class="unseen">Do</span></th>`}</tr>
      </thead>
      <tbody>
        ${triggers.map(
          (trigger) =>
            html`<tr key=${trigger.name} id=${`trigger-${trigger.name}`} class=${trigger.name === chosen ? "chosen" : ""}>
              <th scope="row">
                <${Name} text=${trigger.name} />
                ${trigger.workflow_name && html`<br /><span class="quiet">of <a href=${href("workflow", { name: trigger.workflow_name })}><${Name} text=${trigger.workflow_name} /></a></span>`}
              </th>
              <td><${StateMark} state=${trigger.state} /></td>
              <td><${When} trigger=${trigger} /></td>
              <td>${trigger.starts.map((name, place) => html`${place > 0 && ", "}<${JobLink} name=${name} />`)}</td>
              <td><${Upcoming} trigger=${trigger} /></td>
              <td><${LastFiring} trigger=${trigger} /></td>
              ${!session.isReadOnly && html`<td><${TriggerActions} trigger=${trigger} onChange=${onChange} /></td>`}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{ trigger: Trigger }} props */
function When({ trigger }) {
  if (trigger.schedule) return html`<code>${visible(trigger.schedule)}</code>`;
  if (trigger.watches.length === 0) return html`<span class="quiet">on demand</span>`;
  return trigger.watches.map(
    (one, place) =>
      html`${place > 0 && html`<br /><span class="quiet">${trigger.logical === "ANY" ? "or " : "and "}</span>`}<${JobLink} name=${one.job_name} /> <span class="quiet">${one.state.toLowerCase()}</span>`,
  );
}

/** @param {{ trigger: Trigger }} props */
function Upcoming({ trigger }) {
  const [first, ...rest] = trigger.upcoming_ms;
  if (first === undefined) return html`<span class="quiet">–</span>`;
  return html`<${Distance} ms=${first} />
    ${rest.slice(0, 2).map((ms) => html`<br /><span class="quiet"><${Instant} ms=${ms} /></span>`)}`;
}

/** @param {{ trigger: Trigger }} props */
function LastFiring({ trigger }) {
  const last = trigger.last_firing;
  if (!last) return html`<span class="quiet">never</span>`;
  return html`<${Distance} ms=${last.at_ms} />
    ${last.runs.slice(0, 3).map((run) => html`<br key=${run.id} /><${StateMark} state=${run.state} isShort=${true} /> <${RunLink} id=${run.id} />`)}`;
}

/** @param {{ trigger: Trigger, onChange: () => void }} props */
function TriggerActions({ trigger, onChange }) {
  const isOnDemand = trigger.type === "ON_DEMAND" || trigger.type === "EVENT";
  const start = async () => {
    if (
      await act(
        "StartTrigger",
        { Name: trigger.name },
        isOnDemand ? `${trigger.name} fires.` : `${trigger.name} is activated.`,
      )
    )
      onChange();
  };
  const stop = async () => {
    const sure = await confirmed(
      "Stop this trigger?",
      `${trigger.name} fires no more until it is started again.`,
      "Stop it",
    );
    if (sure && (await act("StopTrigger", { Name: trigger.name }, `${trigger.name} is stopped.`))) onChange();
  };
  if (isOnDemand) return html`<button type="button" class="small" onClick=${start}>Fire</button>`;
  return trigger.state === "ACTIVATED"
    ? html`<button type="button" class="small" onClick=${stop}>Stop…</button>`
    : html`<button type="button" class="small" onClick=${start}>Start</button>`;
}
