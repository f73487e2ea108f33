// Runs over time, a lane for each job. It moves with the clock until somebody looks at another time.

import { html, useEffect, useMemo, useRef, useState } from "../kit.js";
import { spanMs, spelledSpan } from "../lib/filters.js";
import { counted, fullInstant } from "../lib/format.js";
import { href } from "../lib/route.js";
import { zoomed } from "../lib/timeline.js";
import { changeParams } from "../net/address.js";
import { ask } from "../net/api.js";
import { nowMs } from "../net/clock.js";
import { epoch, onRuns } from "../net/live.js";
import { useLoaded } from "../net/loading.js";
import { useKeys } from "../parts/keys.js";
import { Name, Problem, StateMark } from "../parts/marks.js";
import { useTitle } from "../parts/title.js";
import { TimelineChart } from "./timeline_chart.js";

/** @typedef {import("../types.js").Bar} Bar */
/** @typedef {import("../lib/timeline.js").Range} Range */

const SPANS = ["15m", "1h", "6h", "1d", "7d"];
/** So much of the time shown lies ahead of now. */
const AHEAD = 0.03;

/** @param {{ params: URLSearchParams }} props */
export function TimelineView({ params }) {
  useTitle("Timeline");
  const job = params.get("job") ?? "";
  const { range, isFollowing, span } = useRange(params);
  const found = useBars(range, job);
  const move = (/** @type {Range} */ next) => changeParams({ since: next.sinceMs, until: next.untilMs, span: "" });
  const follow = (/** @type {string} */ next) => changeParams({ since: "", until: "", span: next });
  const width = range.untilMs - range.sinceMs;
  const pan = (/** @type {number} */ share) =>
    move({ sinceMs: Math.round(range.sinceMs + share * width), untilMs: Math.round(range.untilMs + share * width) });
  // While it moves with the clock it goes on to: what runs now stays in sight.
  const zoom = (/** @type {number} */ factor) => {
    const next = zoomed(range, factor, (range.sinceMs + range.untilMs) / 2);
    if (isFollowing) follow(spelledSpan(next.untilMs - next.sinceMs));
    else move(next);
  };
  useKeys({
    "+": () => zoom(0.5),
    "=": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => follow("1h"),
    ArrowLeft: () => pan(-0.25),
    ArrowRight: () => pan(0.25),
  });
  const list = href("runs", { job, since: range.sinceMs, until: range.untilMs });
  return html`<div class="page wide-page">
    <div class="head">
      <h1>Timeline</h1>
      <p class="quiet">${found.bars === null ? "Reading…" : counted(found.bars.length, "run")}${found.isCut ? ", and more that are not drawn" : ""}</p>
      ${job && html`<span class="tag">only <${Name} text=${job} /> <button type="button" class="small" aria-label="All jobs" onClick=${() => changeParams({ job: "" })}>×</button></span>`}
      <div class="tools">
        <div class="tabs" role="group" aria-label="How much time">
          ${SPANS.map((one) => html`<button key=${one} type="button" aria-pressed=${span === one ? "true" : "false"} onClick=${() => follow(one)}>${one}</button>`)}
        </div>
        <div class="tabs" role="group" aria-label="Move">
          <button type="button" aria-label="Earlier" onClick=${() => pan(-0.5)}>←</button>
          <button type="button" aria-label="Later" onClick=${() => pan(0.5)}>→</button>
          <button type="button" aria-label="Closer" onClick=${() => zoom(0.5)}>+</button>
          <button type="button" aria-label="Further" onClick=${() => zoom(2)}>−</button>
        </div>
        <a class="button" href=${list}>As a list</a>
      </div>
    </div>
    <${Problem} error=${found.error} />
    ${found.bars && html`<${TimelineChart} bars=${found.bars} range=${range} isFollowing=${isFollowing} onRange=${move} />`}
    <${Key} range=${range} isFollowing=${isFollowing} />
  </div>`;
}

/** @param {{ range: Range, isFollowing: boolean }} props */
function Key({ range, isFollowing }) {
  const states = ["RUNNING", "SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"];
  return html`<p class="timeline-key quiet">
    <span class="key"><span class="wait-key"></span>waits</span>
    ${states.map((state) => html`<span key=${state} class="key"><${StateMark} state=${state} /></span>`)}
    <span>${isFollowing ? "It moves with the clock." : `${fullInstant(range.sinceMs).slice(0, 19)} to ${fullInstant(range.untilMs).slice(0, 19)}`}</span>
  </p>`;
}

/** What time is shown: what the address says, or a span that ends a little after now. @param {URLSearchParams} params */
function useRange(params) {
  const since = Number(params.get("since") ?? NaN);
  const until = Number(params.get("until") ?? NaN);
  const isFixed = since > 0 && until > since;
  const span = params.get("span") || "1h";
  const width = spanMs(span) ?? 3_600_000;
  const at = useFrames(!isFixed, Math.max(Math.min(width / 2000, 2000), 100));
  const range = isFixed
    ? { sinceMs: since, untilMs: until }
    : { sinceMs: at - width * (1 - AHEAD), untilMs: at + width * AHEAD };
  return { range, isFollowing: !isFixed, span: isFixed ? "" : span };
}

/** The daemon's time, drawn anew as often as a bar moves by a pixel or so. @param {boolean} isMoving @param {number} everyMs */
function useFrames(isMoving, everyMs) {
  const [at, setAt] = useState(nowMs());
  const every = matchMedia("(prefers-reduced-motion: reduce)").matches ? Math.max(everyMs, 2000) : everyMs;
  useEffect(() => {
    setAt(nowMs());
    if (!isMoving) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setAt(nowMs());
    }, every);
    return () => clearInterval(timer);
  }, [isMoving, every]);
  return at;
}

/** The bars of a range, read in wide steps so that moving a little reads nothing, and kept true by events. @param {Range} range @param {string} job */
function useBars(range, job) {
  const width = range.untilMs - range.sinceMs;
  const step = 2 ** Math.ceil(Math.log2(Math.max(width, 10_000)));
  const since = Math.floor((range.sinceMs - step / 8) / (step / 4)) * (step / 4);
  const until = since + 2 * step;
  const key = `/timeline?${since}&${until}&${job}`;
  const found = useLoaded(
    key,
    (signal) =>
      /** @type {Promise<{ bars: Bar[], is_cut: boolean }>} */ (
        ask("/timeline", { since_ms: Math.max(Math.round(since), 0), until_ms: Math.round(until), job }, signal)
      ),
  );
  const last = useRef(/** @type {{ bars: Bar[], is_cut: boolean } | null} */ (null));
  if (found.value) last.current = found.value;
  const [fresh, setFresh] = useState(/** @type {ReadonlyMap<string, Bar>} */ (new Map()));
  useEffect(
    () =>
      onRuns((runs) =>
        setFresh((before) => {
          const own = runs.filter((run) => !job || run.job_name === job);
          return own.length === 0
            ? before
            : new Map([...[...before].slice(-2000), ...own.map((run) => /** @type {[string, Bar]} */ ([run.id, run]))]);
        }),
      ),
    [job],
  );
  useEffect(() => setFresh(new Map()), [job, epoch.value]);
  const read = found.value ?? last.current;
  const bars = useMemo(() => (read ? merged(read.bars, fresh) : null), [read, fresh]);
  useMissingPredecessors(bars, found.reload);
  return { bars, isCut: read?.is_cut ?? false, error: found.error };
}

/** A run that an event brings does not say what preceded it; the timeline does. @param {Bar[] | null} bars @param {() => void} reload */
function useMissingPredecessors(bars, reload) {
  const missing = bars?.filter((bar) => bar.predecessors === undefined && bar.chain_key !== null).length ?? 0;
  useEffect(() => {
    if (missing === 0) return undefined;
    const timer = setTimeout(reload, 1000);
    return () => clearTimeout(timer);
  }, [missing, reload]);
}

/** @param {readonly Bar[]} read @param {ReadonlyMap<string, Bar>} fresh @returns {Bar[]} */
function merged(read, fresh) {
  const known = new Set(read.map((bar) => bar.id));
  const moved = read.map((bar) => {
    const newer = fresh.get(bar.id);
    return newer && !bar.completed_on_ms
      ? { ...newer, ...(bar.predecessors ? { predecessors: bar.predecessors } : {}) }
      : bar;
  });
  return [...moved, ...[...fresh.values()].filter((bar) => !known.has(bar.id))];
}
