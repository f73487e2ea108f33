// All workflows, each with its last run.

import { html } from "../kit.js";
import { counted } from "../lib/format.js";
import { href } from "../lib/route.js";
import { visible } from "../lib/visible.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions, useReloadOnRuns } from "../net/loading.js";
import { Distance, Name, Problem, StateMark } from "../parts/marks.js";
import { useTitle } from "../parts/title.js";

/** @typedef {import("../types.js").Workflow} Workflow */

export function WorkflowsView() {
  useTitle("Workflows");
  const found = useLoaded(
    "/workflows",
    (signal) => /** @type {Promise<{ workflows: Workflow[] }>} */ (ask("/workflows", {}, signal)),
  );
  useReloadOnDefinitions(found.reload);
  useReloadOnRuns(found.reload, (run) => run.chain_key !== null, 1000);
  const workflows = found.value?.workflows ?? [];
  return html`<div class="page">
    <div class="head"><h1>Workflows</h1><p class="quiet">${found.value ? counted(workflows.length, "workflow") : "Reading…"}</p></div>
    <${Problem} error=${found.error} />
    ${found.value && workflows.length === 0 && html`<p class="empty">There are no workflows yet. CreateWorkflow makes one, and triggers belong to it.</p>`}
    ${
      workflows.length > 0 &&
      html`<div class="scrolls" role="region" aria-label="Workflows" tabindex="0"><table class="list">
        <thead><tr><th scope="col">Workflow</th><th scope="col">Live</th><th scope="col">Last run</th><th scope="col">Begun</th><th scope="col" class="wide-only">Description</th></tr></thead>
        <tbody>
          ${workflows.map(
            (one) =>
              html`<tr key=${one.name}>
                <th scope="row"><a href=${href("workflow", { name: one.name })}><${Name} text=${one.name} /></a></th>
                <td>${one.live_runs ?? 0}</td>
                <td>${one.last_run ? html`<a href=${href("workflow", { name: one.name, run: one.last_run.id })}><${StateMark} state=${one.last_run.status} /></a>` : html`<span class="quiet">never</span>`}</td>
                <td><${Distance} ms=${one.last_run?.started_on_ms} /></td>
                <td class="quiet wide-only"><bdi>${visible(one.description ?? "")}</bdi></td>
              </tr>`,
          )}
        </tbody>
      </table></div>`
    }
  </div>`;
}
