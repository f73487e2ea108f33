// The drawing of the timeline: bars as links in an SVG of our own, lines from runs to what they preceded.

import { html, useEffect, useMemo, useRef, useState } from "../kit.js";
import { duration, shortId } from "../lib/format.js";
import { href } from "../lib/route.js";
import { kindOf, wordOf } from "../lib/states.js";
import { ticks } from "../lib/ticks.js";
import { layOut, linksOf, neighbour, zoomed } from "../lib/timeline.js";
import { visible } from "../lib/visible.js";
import { nowMs } from "../net/clock.js";
import { goTo } from "../net/address.js";

/** @typedef {import("../types.js").Bar} Bar */
/** @typedef {import("../lib/timeline.js").Range} Range */
/** @typedef {import("../lib/timeline.js").Placed} Placed */

const ROW = 22;
const BAR = 16;
const TOP = 26;
const LEAST_PX = 3;

/** @param {{ bars: Bar[], range: Range, isFollowing: boolean, onRange: (range: Range) => void }} props */
export function TimelineChart({ bars, range, onRange }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const width = useWidth(box);
  const now = nowMs();
  const [chosen, setChosen] = useState("");
  const [shown, setShown] = useState(/** @type {{ placed: Placed, x: number, y: number } | null} */ (null));
  const span = range.untilMs - range.sinceMs;
  const least = (LEAST_PX / width) * span;
  const layout = layOut(bars, now, range, least);
  const links = useMemo(() => linksOf(layout.placed), [bars, layout.rows, Math.round(now / 1000)]);
  const x = (/** @type {number} */ ms) => ((ms - range.sinceMs) / span) * width;
  const height = TOP + Math.max(layout.rows, 1) * ROW + 8;
  useDrag(box, range, width, onRange);
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (!event.key.startsWith("Arrow")) return;
    const next = neighbour(layout.placed, chosen, /** @type {"ArrowLeft"} */ (event.key));
    event.preventDefault();
    if (!next) return;
    setChosen(next.bar.id);
    document.getElementById(`bar-${next.bar.id}`)?.focus();
  };
  const first = layout.placed.some((one) => one.bar.id === chosen) ? chosen : layout.placed[0]?.bar.id;
  return html`<div class="timeline" onMouseLeave=${() => setShown(null)}>
    <div class="lanes" style=${{ height: `${height}px` }}>
      ${layout.lanes.map((lane) => html`<a key=${lane.job} class="lane" href=${href("job", { name: lane.job })} title=${visible(lane.job)} style=${{ top: `${TOP + lane.row * ROW}px`, height: `${lane.rows * ROW}px` }}><bdi>${visible(lane.job)}</bdi></a>`)}
    </div>
    <div class="lane-box" ref=${box}>
      <svg width=${width} height=${height} role="group" aria-label="Runs over time; the arrow keys lead from bar to bar" onKeyDown=${pressed}>
        <${Grid} layout=${layout} range=${range} width=${width} height=${height} x=${x} />
        <g class="links">${links.map(({ from, to }) => html`<path key=${`${from.bar.id}>${to.bar.id}`} d=${curve(from, to, x)} />`)}</g>
        ${layout.placed.map((placed) => html`<${BarMark} key=${placed.bar.id} placed=${placed} x=${x} width=${width} isFirst=${placed.bar.id === first} onShow=${(/** @type {any} */ place) => setShown(place && { placed, ...place })} />`)}
        ${now >= range.sinceMs && now <= range.untilMs && html`<line class="now" x1=${x(now)} x2=${x(now)} y1=${TOP - 6} y2=${height} />`}
      </svg>
      ${layout.placed.length === 0 && html`<p class="empty over">Nothing ran in this time.</p>`}
      ${shown && html`<${Card} shown=${shown} now=${now} width=${width} />`}
    </div>
  </div>`;
}

/** @param {{ layout: import("../lib/timeline.js").Layout, range: Range, width: number, height: number, x: (ms: number) => number }} props */
function Grid({ layout, range, width, height, x }) {
  return html`<g class="grid" aria-hidden="true">
    ${layout.lanes.map((lane, place) => html`<rect key=${lane.job} class=${place % 2 ? "stripe" : "no-stripe"} x="0" width=${width} y=${TOP + lane.row * ROW} height=${lane.rows * ROW} />`)}
    ${ticks(range.sinceMs, range.untilMs, Math.max(width / 90, 2)).map(({ atMs, label }) => html`<g key=${atMs}><line x1=${x(atMs)} x2=${x(atMs)} y1=${TOP - 6} y2=${height} /><text x=${x(atMs)} y="14" text-anchor="middle">${x(atMs) > 18 && x(atMs) < width - 18 ? label : ""}</text></g>`)}
  </g>`;
}

/** @param {{ placed: Placed, x: (ms: number) => number, width: number, isFirst: boolean, onShow: (place: { x: number, y: number } | null) => void }} props */
function BarMark({ placed, x, width, isFirst, onShow }) {
  const { bar, row, fromMs, launchedMs, untilMs } = placed;
  const y = TOP + row * ROW + (ROW - BAR) / 2;
  const from = Math.max(x(fromMs), -4);
  const to = Math.min(Math.max(x(untilMs), from + LEAST_PX), width + 4);
  const start = launchedMs === null ? to : Math.min(Math.max(x(launchedMs), from), to);
  const told = `${visible(bar.job_name)}, ${shortId(bar.id)}: ${wordOf(bar.state)}, ${duration(untilMs - fromMs)}`;
  const show = () => onShow({ x: Math.max(from, 0), y: y + BAR });
  return html`<a
    id=${`bar-${bar.id}`}
    class="bar"
    href=${href("run", {}, bar.id)}
    tabindex=${isFirst ? 0 : -1}
    aria-label=${told}
    draggable="false"
    onFocus=${show}
    onBlur=${() => onShow(null)}
    onMouseEnter=${show}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && goTo(href("run", {}, bar.id))}
  >
    ${start > from && html`<rect class="waits" x=${from} y=${y + 4} width=${start - from} height=${BAR - 8} />`}
    ${to > start && html`<rect class=${`ran fill-${kindOf(bar.state)}`} x=${start} y=${y} width=${Math.max(to - start, LEAST_PX - 1)} height=${BAR} rx="2" />`}
  </a>`;
}

/** @param {{ shown: { placed: Placed, x: number, y: number }, now: number, width: number }} props */
function Card({ shown, width }) {
  const { bar, fromMs, launchedMs, untilMs } = shown.placed;
  const style = { left: `${Math.min(shown.x, Math.max(width - 240, 0))}px`, top: `${shown.y + 6}px` };
  return html`<div class="card" aria-hidden="true" style=${style}>
    <strong><bdi>${visible(bar.job_name)}</bdi></strong> <span class="id">${shortId(bar.id)}</span><br />
    ${wordOf(bar.state)}${launchedMs === null ? "" : `, ran ${duration(untilMs - launchedMs)}`}
    ${(launchedMs ?? untilMs) - fromMs > 500 && html`<br />waited ${duration((launchedMs ?? untilMs) - fromMs)}`}
    ${bar.trigger_name && html`<br />by <bdi>${visible(bar.trigger_name)}</bdi>`}
  </div>`;
}

/** @param {Placed} from @param {Placed} to @param {(ms: number) => number} x */
function curve(from, to, x) {
  const middle = (/** @type {Placed} */ one) => TOP + one.row * ROW + ROW / 2;
  const [x1, y1, x2, y2] = [x(from.untilMs), middle(from), x(to.fromMs), middle(to)];
  const bend = Math.max(Math.min((x2 - x1) / 2, 40), 10);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** @param {import("../kit.js").Ref<HTMLElement>} box */
function useWidth(box) {
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const look = () => box.current && setWidth(Math.max(box.current.clientWidth, 120));
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    look();
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Drag to another time; with Ctrl or a pinch the wheel zooms, sideways it moves. @param {import("../kit.js").Ref<HTMLElement>} box @param {Range} range @param {number} width @param {(range: Range) => void} onRange */
function useDrag(box, range, width, onRange) {
  const now = useRef({ range, width, onRange });
  now.current = { range, width, onRange };
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    /** @type {{ x: number, range: Range, isMoved: boolean } | null} */
    let from = null;
    const perPx = () => (now.current.range.untilMs - now.current.range.sinceMs) / now.current.width;
    const shifted = (/** @type {Range} */ one, /** @type {number} */ by) => ({
      sinceMs: Math.round(one.sinceMs + by),
      untilMs: Math.round(one.untilMs + by),
    });
    const down = (/** @type {PointerEvent} */ event) => {
      if (event.button === 0 && event.pointerType === "mouse")
        from = { x: event.clientX, range: now.current.range, isMoved: false };
    };
    const move = (/** @type {PointerEvent} */ event) => {
      if (!from || (!from.isMoved && Math.abs(event.clientX - from.x) < 5)) return;
      from.isMoved = true;
      now.current.onRange(shifted(from.range, (from.x - event.clientX) * perPx()));
    };
    const up = () => {
      const wasMoved = from?.isMoved;
      from = null;
      if (wasMoved) addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
    };
    const wheel = (/** @type {WheelEvent} */ event) => {
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (!event.ctrlKey && Math.abs(sideways) < Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
      if (!event.ctrlKey && sideways === 0) return;
      event.preventDefault();
      const { range: one } = now.current;
      const at = one.sinceMs + (event.clientX - element.getBoundingClientRect().left) * perPx();
      now.current.onRange(
        event.ctrlKey ? zoomed(one, Math.exp(event.deltaY / 200), at) : shifted(one, sideways * perPx()),
      );
    };
    element.addEventListener("pointerdown", down);
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      element.removeEventListener("wheel", wheel);
    };
  }, []);
}
