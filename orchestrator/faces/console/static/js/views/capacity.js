// How much is lent over time, and how many runs wait for it.

import { html, useMemo } from "../kit.js";
import { spanMs } from "../lib/filters.js";
import { counted, figure } from "../lib/format.js";
import { href } from "../lib/route.js";
import { capacityColumns } from "../lib/steps.js";
import { changeParams, goTo } from "../net/address.js";
import { ask } from "../net/api.js";
import { beat, nowMs } from "../net/clock.js";
import { useLoaded, useReloadOnRuns } from "../net/loading.js";
import { Facts, Problem } from "../parts/marks.js";
import { Plot } from "../parts/plot.js";
import { useTitle } from "../parts/title.js";

/** @typedef {import("../types.js").Capacity} Capacity */

const SPANS = ["15m", "1h", "6h", "1d", "7d"];

/** @param {{ params: URLSearchParams }} props */
export function CapacityView({ params }) {
  useTitle("Capacity");
  const span = params.get("span") || "1h";
  const width = spanMs(span) ?? 3_600_000;
  const found = useLoaded(
    `/capacity?${span}`,
    (signal) => /** @type {Promise<Capacity>} */ (ask("/capacity", { since_ms: Math.round(nowMs() - width) }, signal)),
  );
  useReloadOnRuns(found.reload, () => true, 1000);
  const told = found.value;
  return html`<div class="page">
    <div class="head">
      <h1>Capacity</h1>
      <div class="tools">
        <div class="tabs" role="group" aria-label="How much time">
          ${SPANS.map((one) => html`<button key=${one} type="button" aria-pressed=${span === one ? "true" : "false"} onClick=${() => changeParams({ span: one })}>${one}</button>`)}
        </div>
      </div>
    </div>
    <${Problem} error=${found.error} />
    ${told && html`<${Now} told=${told} /><${OverTime} told=${told} width=${width} />`}
  </div>`;
}

/** @param {{ told: Capacity }} props */
function Now({ told }) {
  const share = told.dpus > 0 ? Math.min(told.in_use.dpu / told.dpus, 1) : 0;
  const live = href("runs", { state: "STARTING,RUNNING,STOPPING" });
  return html`<div class="meter-block">
      <div class="meter" role="meter" aria-label="DPU in use" aria-valuemin="0" aria-valuemax=${told.dpus} aria-valuenow=${told.in_use.dpu}>
        <span style=${{ width: `${share * 100}%` }}></span>
      </div>
      <p><strong>${figure(told.in_use.dpu)} of ${figure(told.dpus)} DPU</strong> in use</p>
    </div>
    <${Facts}
      items=${[
        [
          "Runs under way",
          html`<a href=${live}>${counted(told.in_use.runs, "run")}</a> of at most ${told.max_processes}`,
        ],
        [
          "Queue",
          html`<a href=${href("runs", { state: "WAITING" })}>${counted(told.queued.runs, "run")}</a>, ${figure(told.queued.dpu)} DPU`,
        ],
        ["Order", told.order === "fifo" ? "first come, first served" : "backfill: small runs may pass"],
      ]}
    />`;
}

/** @param {{ told: Capacity, width: number }} props */
function OverTime({ told, width }) {
  const at = Math.floor(beat.value / 5000) * 5000;
  const { lent, waiting } = useMemo(() => {
    const [times, dpu, queued] = capacityColumns(told.steps, nowMs() - width, nowMs());
    return { lent: [times, dpu, times.map(() => told.dpus)], waiting: [times, queued] };
  }, [told, at, width]);
  const zoom = (/** @type {number} */ sinceMs, /** @type {number} */ untilMs) =>
    goTo(href("timeline", { since: Math.round(sinceMs), until: Math.round(untilMs) }));
  if (told.steps.length === 0) return html`<p class="empty">Nothing ran in this time.</p>`;
  return html`<${Plot}
      label=${`DPU in use over time; now ${figure(told.in_use.dpu)} of ${figure(told.dpus)}`}
      columns=${lent}
      height=${260}
      isTime=${true}
      onRange=${zoom}
      series=${[
        { name: "DPU in use", color: "--plot-1", scale: "y", told: dpuOf, isStepped: true, isFilled: true },
        { name: "DPU there are", color: "--plot-3", scale: "y", told: dpuOf, isDashed: true },
      ]}
    />
    <${Plot}
      label=${`Runs in the queue over time; now ${counted(told.queued.runs, "run")}`}
      columns=${waiting}
      height=${150}
      isTime=${true}
      onRange=${zoom}
      series=${[{ name: "Runs that wait", color: "--plot-2", scale: "y", told: wholeOf, isStepped: true, isFilled: true }]}
    />
    <p class="quiet">${told.is_cut ? "The figures do not reach back to the beginning of this time. " : ""}Drag over a time to see its runs.</p>`;
}

/** @param {number} value */
function dpuOf(value) {
  return figure(value);
}

/** @param {number} value */
function wholeOf(value) {
  return Number.isInteger(value) ? String(value) : "";
}
