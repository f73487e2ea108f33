// Figures over time, drawn by uPlot, which is loaded when the first plot is shown.

import { html, useEffect, useRef } from "../kit.js";
import { theme } from "../net/session.js";

/**
 * @typedef {{ name: string, color: string, scale: string, told: (value: number) => string, isStepped?: boolean,
 *   isFilled?: boolean, isDashed?: boolean }} Series color: a CSS variable
 * @typedef {{ label: string, columns: number[][], series: Series[], height: number, isTime: boolean,
 *   onRange?: (sinceMs: number, untilMs: number) => void }} Props label: what the plot says to those who cannot see it
 */

/** @type {Promise<any> | undefined} */
let library;

function load() {
  library ??= import("../../vendor/uplot.js").then((found) => found.default);
  return library;
}

/** @param {Props} props */
export function Plot(props) {
  const { label, columns, height } = props;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const now = useRef(props);
  now.current = props;
  const shape = props.series.map((one) => one.name).join("\n");
  useEffect(() => {
    let isWanted = true;
    const observer = new ResizeObserver(() => {
      if (box.current) plot.current?.setSize({ width: Math.max(box.current.clientWidth, 100), height });
    });
    void load().then((UPlot) => {
      if (!isWanted || !box.current) return;
      plot.current = new UPlot(options(UPlot, now, box.current), now.current.columns, box.current);
      observer.observe(box.current);
    });
    return () => {
      isWanted = false;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, height, theme.value, useDarkness()]);
  useEffect(() => plot.current?.setData(columns), [columns]);
  return html`<figure class="plot" role="img" aria-label=${label} ref=${box}></figure>`;
}

/** Draw anew when the system changes its theme. */
function useDarkness() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {any} UPlot @param {{ current: Props }} now @param {HTMLElement} box */
function options(UPlot, now, box) {
  const { series, height, isTime } = now.current;
  const color = (/** @type {string} */ name) => colorOf(box, name);
  const scales = [...new Set(series.map((one) => one.scale))];
  const axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width: Math.max(box.clientWidth, 100),
    height,
    legend: { live: true },
    cursor: { drag: { x: now.current.onRange !== undefined, y: false }, points: { size: 6 } },
    scales: { x: { time: isTime }, ...Object.fromEntries(scales.map((name) => [name, { range: fromZero }])) },
    axes: [
      { ...axis, values: isTime ? clockValues : secondsValues, space: 70 },
      ...scales.map((name, place) => ({
        ...axis,
        scale: name,
        side: place === 0 ? 3 : 1,
        size: 54,
        grid: place === 0 ? axis.grid : { show: false },
        values: (/** @type {unknown} */ _plot, /** @type {number[]} */ splits) =>
          splits.map((value) => series.find((one) => one.scale === name)?.told(value) ?? value),
      })),
    ],
    series: [
      {
        label: isTime ? "Time" : "After",
        value: (/** @type {unknown} */ _plot, /** @type {number | null} */ value) =>
          value === null ? "–" : isTime ? clock(value) : `${value.toFixed(0)} s`,
      },
      ...series.map((one) => drawn(UPlot, one, color)),
    ],
    hooks: {
      setSelect: [
        (/** @type {any} */ plot) => {
          const { left, width } = plot.select;
          if (width < 5) return;
          now.current.onRange?.(plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** @param {any} UPlot @param {Series} one @param {(name: string) => string} color */
function drawn(UPlot, one, color) {
  return {
    label: one.name,
    scale: one.scale,
    stroke: color(one.color),
    width: 1.5,
    fill: one.isFilled ? color(one.color).replace("rgb(", "rgba(").replace(")", ", 0.2)") : undefined,
    dash: one.isDashed ? [6, 4] : undefined,
    points: { show: false },
    paths: one.isStepped ? UPlot.paths.stepped({ align: 1 }) : undefined,
    value: (/** @type {unknown} */ _plot, /** @type {number | null} */ value) =>
      value === null || value === undefined ? "–" : one.told(value),
  };
}

/** What a variable of the style sheet is in the theme that is shown, as "rgb(…)". @param {HTMLElement} box @param {string} name */
function colorOf(box, name) {
  const before = box.style.color;
  box.style.color = `var(${name})`;
  const found = getComputedStyle(box).color;
  box.style.color = before;
  return found;
}

/** @param {unknown} _plot @param {number} _least @param {number | null} most */
function fromZero(_plot, _least, most) {
  return [0, Math.max((most ?? 0) * 1.12, 0.001)];
}

/** @param {unknown} _plot @param {number[]} splits */
function secondsValues(_plot, splits) {
  return splits.map((value) =>
    value >= 600 ? `${Math.round(value / 6) / 10} min` : `${Math.round(value * 10) / 10} s`,
  );
}

/** @param {unknown} _plot @param {number[]} splits */
function clockValues(_plot, splits) {
  const span = (splits.at(-1) ?? 0) - (splits[0] ?? 0);
  return splits.map((value) => (span > 2 * 86_400 ? day(value) : clock(value).slice(0, span < 600 ? 8 : 5)));
}

/** @param {number} value seconds since 1970 */
function clock(value) {
  const at = new Date(value * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((one) => String(one).padStart(2, "0")).join(":");
}

/** @param {number} value seconds since 1970 */
function day(value) {
  const at = new Date(value * 1000);
  return `${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}
