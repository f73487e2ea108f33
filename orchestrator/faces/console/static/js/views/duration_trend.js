// How long the last runs of a job took, and when those that are under way can be expected to end.

import { html } from "../kit.js";
import { duration, instant, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { kindOf, wordOf } from "../lib/states.js";
import { beat } from "../net/clock.js";
import { Distance, RunLink } from "../parts/marks.js";

/** @typedef {import("../types.js").JobDetails} JobDetails */
/** @typedef {import("../types.js").Run} Run */

const WIDTH = 1000;
const HEIGHT = 120;

/** One bar for each run, the oldest first; its height is how long it took. @param {{ told: JobDetails }} props */
export function DurationTrend({ told }) {
  const runs = told.runs.filter((run) => run.launched_on_ms !== null).reverse();
  if (runs.length < 2) return null;
  const took = (/** @type {Run} */ run) => (run.completed_on_ms ?? beat.value) - (run.launched_on_ms ?? 0);
  const expected = new Map(told.expected.map((one) => [one.run_id, one]));
  const whole = (/** @type {Run} */ run) =>
    Math.max(took(run), (expected.get(run.id)?.ends_on_ms ?? 0) - (run.launched_on_ms ?? 0));
  const most = Math.max(...runs.map(whole), told.durations?.p95_ms ?? 0, 1);
  const slot = WIDTH / Math.max(runs.length, 20);
  const high = (/** @type {number} */ ms) => Math.max((ms / most) * (HEIGHT - 8), 2);
  const line = (/** @type {number | null | undefined} */ ms, /** @type {string} */ name) =>
    ms == null
      ? null
      : html`<line class=${`level ${name}`} x1="0" x2=${WIDTH} y1=${HEIGHT - high(ms)} y2=${HEIGHT - high(ms)} />`;
  return html`<figure class="trend">
    <figcaption>
      Durations of the last ${runs.length} runs, the newest on the right; up to ${duration(most)}
      ${told.durations?.p50_ms != null && html`<span class="key"><span class="level-key p50"></span>half ${duration(told.durations.p50_ms)}</span>`}
      ${told.durations?.p95_ms != null && html`<span class="key"><span class="level-key p95"></span>95 % ${duration(told.durations.p95_ms)}</span>`}
    </figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="group" aria-label="Durations">
      ${runs.map((run, place) => {
        const told_ = `${shortId(run.id)}, ${instant(run.started_on_ms, beat.value)}: ${wordOf(run.state)}, ${duration(took(run))}`;
        const [x, width] = [place * slot + slot * 0.12, slot * 0.76];
        return html`<a key=${run.id} href=${href("run", {}, run.id)} aria-label=${told_}>
          <title>${told_}</title>
          ${whole(run) > took(run) && html`<rect class="coming" x=${x} width=${width} y=${HEIGHT - high(whole(run))} height=${high(whole(run))} />`}
          <rect class=${`fill-${kindOf(run.state)}`} x=${x} width=${width} y=${HEIGHT - high(took(run))} height=${high(took(run))} />
        </a>`;
      })}
      ${line(told.durations?.p50_ms, "p50")} ${line(told.durations?.p95_ms, "p95")}
    </svg>
  </figure>`;
}

/** @param {{ live: Run[], expected: JobDetails["expected"] }} props */
export function Expected({ live, expected }) {
  const known = new Map(expected.map((one) => [one.run_id, one]));
  return live.slice(0, 5).map((run) => {
    const one = known.get(run.id);
    return html`<span key=${run.id} class="live-run">
      <${RunLink} id=${run.id} />
      ${one && html` <span class=${one.is_late ? "late" : "quiet"}>${one.is_late ? "is late: was expected" : "should end"} <${Distance} ms=${one.ends_on_ms} /></span>`}
    </span>`;
  });
}
