// All jobs, each with its last run.

import { html, useState } from "../kit.js";
import { counted } from "../lib/format.js";
import { href } from "../lib/route.js";
import { visible } from "../lib/visible.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions, useReloadOnRuns } from "../net/loading.js";
import { Distance, JobLink, Problem, RunDuration, StateMark } from "../parts/marks.js";
import { useTitle } from "../parts/title.js";

/** @typedef {import("../types.js").ListedJob} ListedJob */

export function JobsView() {
  useTitle("Jobs");
  const found = useLoaded(
    "/jobs",
    (signal) => /** @type {Promise<{ jobs: ListedJob[] }>} */ (ask("/jobs", {}, signal)),
  );
  useReloadOnDefinitions(found.reload);
  useReloadOnRuns(found.reload, () => true, 1000);
  const [text, setText] = useState("");
  const all = found.value?.jobs ?? [];
  const jobs = all.filter((job) => `${job.name} ${job.description ?? ""}`.toLowerCase().includes(text.toLowerCase()));
  return html`<div class="page">
    <div class="head">
      <h1>Jobs</h1>
      <p class="quiet">${found.value ? counted(jobs.length, "job") : "Reading…"}</p>
      <input type="search" aria-label="Filter jobs" placeholder="Filter" value=${text} onInput=${(/** @type {Event} */ event) => setText(/** @type {HTMLInputElement} */ (event.target).value)} />
    </div>
    <${Problem} error=${found.error} />
    ${found.value && all.length === 0 && html`<p class="empty">There are no jobs yet. A file in the jobs directory makes one, or CreateJob.</p>`}
    ${jobs.length > 0 && html`<${JobTable} jobs=${jobs} />`}
  </div>`;
}

/** @param {{ jobs: ListedJob[] }} props */
function JobTable({ jobs }) {
  return html`<div class="scrolls" role="region" aria-label="Jobs" tabindex="0"><table class="list">
    <thead><tr><th scope="col">Job</th><th scope="col">Live</th><th scope="col">Last run</th><th scope="col">Accepted</th><th scope="col">Duration</th><th scope="col" class="wide-only">Description</th></tr></thead>
    <tbody>
      ${jobs.map(
        (job) =>
          html`<tr key=${job.name}>
            <th scope="row"><${JobLink} name=${job.name} /></th>
            <td>${job.live_runs > 0 ? html`<a href=${href("runs", { job: job.name, state: "WAITING,STARTING,RUNNING,STOPPING" })}>${job.live_runs}</a>` : html`<span class="quiet">0</span>`}</td>
            <td>${job.last_run ? html`<a href=${href("run", {}, job.last_run.id)}><${StateMark} state=${job.last_run.state} /></a>` : html`<span class="quiet">never</span>`}</td>
            <td><${Distance} ms=${job.last_run?.started_on_ms} /></td>
            <td>${job.last_run && html`<${RunDuration} run=${job.last_run} />`}</td>
            <td class="quiet wide-only"><bdi>${visible(job.description ?? "")}</bdi></td>
          </tr>`,
      )}
    </tbody>
  </table></div>`;
}
