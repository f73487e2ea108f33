// The page: takes the place of what was seen first, opens the stream, and shows the view that the address names.

import { html, useEffect, useState } from "./kit.js";
import { route } from "./net/address.js";
import { setClock, startBeat } from "./net/clock.js";
import { firstRuns, takeFirstRuns } from "./net/first_runs.js";
import { startLive } from "./net/live.js";
import { startKeys } from "./parts/keys.js";
import { Problem } from "./parts/marks.js";
import { useTitle } from "./parts/title.js";
import { draw, startShell } from "./parts/shell.js";
import { RunsView } from "./views/runs.js";

/** @typedef {(props: { id: string, params: URLSearchParams }) => unknown} Shown */

/** Views other than the first are loaded when one goes there. @type {Record<string, () => Promise<Shown>>} */
const VIEWS = {
  runs: async () => RunsView,
  timeline: async () => (await import("./views/timeline.js")).TimelineView,
  capacity: async () => (await import("./views/capacity.js")).CapacityView,
  run: async () => (await import("./views/run.js")).RunView,
  jobs: async () => (await import("./views/jobs.js")).JobsView,
  job: async () => (await import("./views/job.js")).JobView,
  triggers: async () => (await import("./views/triggers.js")).TriggersView,
  workflows: async () => (await import("./views/workflows.js")).WorkflowsView,
  workflow: async () => (await import("./views/workflow.js")).WorkflowView,
};

/** The view that the address names. */
function View() {
  const { view, id, params } = route.value;
  const [shown, setShown] = useState(
    /** @type {{ name: string, view: Shown | null, error: Error | null }} */ ({
      name: "runs",
      view: RunsView,
      error: null,
    }),
  );
  useEffect(() => {
    let isWanted = true;
    const load = VIEWS[view] ?? (() => Promise.reject(new Error(`There is no view "${view}".`)));
    load().then(
      (found) => isWanted && setShown({ name: view, view: found, error: null }),
      (error) => isWanted && setShown({ name: view, view: null, error }),
    );
    return () => {
      isWanted = false;
    };
  }, [view]);
  const isThere = shown.name === view;
  return html`
    ${isThere && shown.view && html`<${shown.view} key=${`${view}/${id}`} id=${id} params=${params} />`}
    ${isThere && shown.error && html`<${NoView} error=${shown.error} />`}
  `;
}

/** @param {{ error: Error }} props */
function NoView({ error }) {
  useTitle("Not found");
  return html`<div class="page"><h1>Not found</h1><${Problem} error=${error} /></div>`;
}

setClock(firstRuns()?.now_ms);
startKeys();
draw("main", html`<${View} />`);
startShell();
// Where another view came first, or filters, they would be old when they are wanted.
takeFirstRuns();
startLive();
startBeat();
