// One job: how long its runs take, its last runs, its definition, its bookmark.

import { html, useState } from "../kit.js";
import { duration } from "../lib/format.js";
import { href } from "../lib/route.js";
import { isLive } from "../lib/states.js";
import { visible } from "../lib/visible.js";
import { goTo } from "../net/address.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions, useReloadOnRuns } from "../net/loading.js";
import { session } from "../net/session.js";
import { Facts, Instant, Name, Problem, RunDuration, RunLink, StateMark, TriggerLink } from "../parts/marks.js";
import { Panel } from "../parts/panel.js";
import { useTitle } from "../parts/title.js";
import { Bookmarks } from "./bookmarks.js";
import { DurationTrend, Expected } from "./duration_trend.js";
import { StartDialog } from "./start_dialog.js";

/** @typedef {import("../types.js").JobDetails} JobDetails */

/** @param {{ params: URLSearchParams }} props */
export function JobView({ params }) {
  const name = params.get("name") ?? "";
  const found = useLoaded(
    `/job?${name}`,
    (signal) => /** @type {Promise<JobDetails>} */ (ask("/job", { name }, signal)),
  );
  useReloadOnDefinitions(found.reload);
  useReloadOnRuns(found.reload, (run) => run.job_name === name);
  useTitle(name || "Job");
  const told = found.value;
  if (!told)
    return html`<div class="page"><${Problem} error=${found.error} />${!found.error && html`<p class="quiet">Reading…</p>`}</div>`;
  return html`<div class="page">
    <div class="head">
      <div><p class="crumbs"><a href="#/jobs">Jobs</a> /</p><h1><${Name} text=${name} /></h1></div>
      ${told.job.definition === null ? html`<span class="tag">Deleted</span>` : html`<${Start} told=${told} />`}
    </div>
    <${Summary} told=${told} />
    <${DurationTrend} told=${told} />
    <div class="two-columns">
      <${LastRuns} told=${told} />
      <div>
        <${Definition} told=${told} />
        <${Bookmarks} job=${name} current=${told.bookmark} />
      </div>
    </div>
  </div>`;
}

/** @param {{ told: JobDetails }} props */
function Start({ told }) {
  const [isOpen, setOpen] = useState(false);
  if (session.isReadOnly) return null;
  const defaults = /** @type {Record<string, string> | undefined} */ (told.job.definition?.DefaultArguments) ?? null;
  return html`<div class="actions">
    <button type="button" class="main" onClick=${() => setOpen(true)}>Start…</button>
    ${isOpen && html`<${StartDialog} jobName=${told.job.name} given=${null} defaults=${defaults} onClose=${() => setOpen(false)} onStarted=${(/** @type {string} */ id) => goTo(href("run", {}, id))} />`}
  </div>`;
}

/** @param {{ told: JobDetails }} props */
function Summary({ told }) {
  const { durations, job, runs, triggers } = told;
  const live = runs.filter((run) => isLive(run.state));
  /** @type {[string, unknown][]} */
  const facts = [
    ["Live", live.length === 0 ? "none" : html`<${Expected} live=${live} expected=${told.expected} />`],
    ["Half of the runs take", durations?.p50_ms == null ? "–" : duration(durations.p50_ms)],
    ["95 % take at most", durations?.p95_ms == null ? "–" : duration(durations.p95_ms)],
    [
      "Triggers",
      triggers.length === 0
        ? "none"
        : triggers.map((one, place) => html`${place > 0 && ", "}<${TriggerLink} name=${one} />`),
    ],
    ["Changed", html`<${Instant} ms=${job.last_modified_on_ms} />`],
  ];
  if (job.source) facts.push(["Defined in", html`<code class="breaks">${visible(job.source)}</code>`]);
  return html`<${Facts} items=${facts} />`;
}

/** @param {{ told: JobDetails }} props */
function LastRuns({ told }) {
  const { runs, job } = told;
  return html`<${Panel} title="Last runs" count=${runs.length} isOpen=${true}>
    ${
      runs.length === 0
        ? html`<p class="quiet">It has not run yet.</p>`
        : html`<table class="small-table">
            <thead><tr><th scope="col">State</th><th scope="col">Run</th><th scope="col">Accepted</th><th scope="col">Duration</th></tr></thead>
            <tbody>
              ${runs.slice(0, 15).map(
                (run) =>
                  html`<tr key=${run.id}>
                    <td><${StateMark} state=${run.state} /></td>
                    <td><${RunLink} id=${run.id} /></td>
                    <td><${Instant} ms=${run.started_on_ms} /></td>
                    <td><${RunDuration} run=${run} /></td>
                  </tr>`,
              )}
            </tbody>
          </table>
          <p><a href=${href("runs", { job: job.name })}>All runs of this job</a>, <a href=${href("timeline", { job: job.name })}>its timeline</a></p>`
    }
  <//>`;
}

/** @param {{ told: JobDetails }} props */
function Definition({ told }) {
  const { definition } = told.job;
  if (definition === null) return null;
  const rows = membersOf(definition, []).filter(({ path }) => path.join() !== "Name");
  return html`<${Panel} title="Definition" isOpen=${true}>
    <table class="small-table">
      <tbody>
        ${rows.map(
          ({ path, value }) =>
            html`<tr key=${path.join("\u0000")}>
              <th scope="row">${path.map((one, place) => html`${place > 0 && html`<span class="quiet"> / </span>`}<${Name} text=${one} />`)}</th>
              <td>${typeof value === "number" && path.at(-1)?.endsWith("On") ? html`<${Instant} ms=${value * 1000} />` : html`<code class="breaks"><${Name} text=${String(value)} /></code>`}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  <//>`;
}

/** A definition as one row for each value in it. @param {unknown} value @param {string[]} path @returns {{ path: string[], value: unknown }[]} */
function membersOf(value, path) {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => membersOf(inner, [...path, key]));
}
