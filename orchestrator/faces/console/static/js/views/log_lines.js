// The lines of a log in a box that scrolls. Lines are as high as each other, so only those that are seen are drawn.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../kit.js";
import { parseLine } from "../lib/ansi.js";
import { markHits } from "../lib/log_buffer.js";
import { rowsToDraw } from "../lib/windowing.js";

/** @typedef {import("../lib/log_buffer.js").Line} Line */

/**
 * @param {{ lines: readonly Line[], version: unknown, wanted: string, shown: number, isFollowing: boolean,
 *   onFollowing: (is: boolean) => void }} props shown: the line to scroll to, or -1
 */
export function LogLines({ lines, version, wanted, shown, isFollowing, onFollowing }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [seen, setSeen] = useState({ top: 0, height: 600, rowHeight: 18 });
  const last = useRef(0);
  const look = () => {
    const element = box.current;
    if (!element) return;
    const rowHeight = element.querySelector(".log-line")?.getBoundingClientRect().height || 18;
    setSeen({ top: element.scrollTop, height: element.clientHeight, rowHeight });
  };
  const scrolled = () => {
    const element = box.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
    if (element.scrollTop < last.current - 4 && !isAtEnd) onFollowing(false);
    else if (isAtEnd && !isFollowing && element.scrollTop > last.current) onFollowing(true);
    last.current = element.scrollTop;
    look();
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (element && isFollowing) {
      element.scrollTop = element.scrollHeight;
      last.current = element.scrollTop;
    }
    look();
  }, [version, isFollowing]);
  useEffect(() => {
    const element = box.current;
    if (element && shown >= 0) element.scrollTop = shown * seen.rowHeight - element.clientHeight / 2;
  }, [shown]);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const rows = rowsToDraw({ count: lines.length, ...seen, spare: 30 });
  const style = { paddingTop: `${rows.above}px`, paddingBottom: `${rows.below}px` };
  return html`<div class="log-box" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label="Lines of the log">
    <div class="log-lines" style=${style}>
      ${lines.slice(rows.first, rows.last).map((line, place) => html`<${LogLine} key=${rows.first + place} line=${line} number=${rows.first + place} wanted=${wanted} isShown=${rows.first + place === shown} />`)}
    </div>
  </div>`;
}

/** @param {{ line: Line, number: number, wanted: string, isShown: boolean }} props */
function LogLine({ line, number, wanted, isShown }) {
  const parts = markHits(parseLine(line.text, line.style).runs, wanted);
  return html`<div class=${isShown ? "log-line shown" : "log-line"} data-number=${number + 1}>
    ${parts.map(({ text, classes, isHit }) => (isHit ? html`<mark class=${classes}>${text}</mark>` : classes ? html`<span class=${classes}>${text}</span>` : text))}
  </div>`;
}
