// The log of a run: both streams, followed as they grow, searched, with colours, and only the lines drawn that are seen.

import { html, useEffect, useMemo, useRef, useState } from "../kit.js";
import { bytes, counted } from "../lib/format.js";
import { findLines } from "../lib/log_buffer.js";
import { visible } from "../lib/visible.js";
import { address } from "../net/api.js";
import { LogReader } from "../net/log_reader.js";
import { useKeys } from "../parts/keys.js";
import { LogLines } from "./log_lines.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {import("../net/log_reader.js").LogState} LogState */
/** @typedef {"stdout" | "stderr"} Stream */

const MOST_TO_READ = 64 * 1024 * 1024;

/** @param {{ run: Run, stream: Stream, onStream: (stream: string) => void }} props */
export function Log({ run, stream, onStream }) {
  const [isWhole, setWhole] = useState(false);
  const state = useLog(run.id, stream, isWhole);
  const [text, setText] = useState("");
  const [isFollowing, setFollowing] = useState(true);
  const lines = state?.buffer.lines ?? [];
  const hits = useMemo(() => findLines(lines, text), [text, state]);
  const [hit, setHit] = useState(-1);
  useEffect(() => setHit(-1), [text, stream]);
  const go = (/** @type {number} */ by) => {
    if (hits.length === 0) return;
    setFollowing(false);
    setHit((hit < 0 ? (by > 0 ? 0 : hits.length - 1) : hit + by + hits.length) % hits.length);
  };
  useKeys({
    "/": () => document.getElementById("log-search")?.focus(),
    n: () => go(1),
    N: () => go(-1),
    f: () => setFollowing(!isFollowing),
  });
  const download = address(`/runs/${encodeURIComponent(run.id)}/log/${stream}`, { download: 1 });
  return html`<section class="log" aria-label="Log">
    <div class="log-bar">
      <div class="tabs" role="group" aria-label="Stream">
        ${["stdout", "stderr"].map((one) => html`<button key=${one} type="button" aria-pressed=${one === stream ? "true" : "false"} onClick=${() => onStream(one)}>${one}</button>`)}
      </div>
      <${Search} text=${text} onText=${setText} onGo=${go} told=${text === "" ? "" : hits.length === 0 ? "no hit" : `${hit < 0 ? "" : `${hit + 1} of `}${counted(hits.length, "line")}`} />
      <span class="log-end">
        <button type="button" aria-pressed=${isFollowing ? "true" : "false"} title="Stay at the end (f)" onClick=${() => setFollowing(!isFollowing)}>Follow</button>
        <a class="button" href=${download} download>Download</a>
      </span>
    </div>
    ${state && state.firstOffset > 0 && html`<${Earlier} state=${state} onRead=${() => setWhole(true)} download=${download} />`}
    <${LogLines}
      key=${stream}
      lines=${lines}
      version=${state}
      wanted=${text}
      shown=${hits[hit] ?? -1}
      isFollowing=${isFollowing}
      onFollowing=${setFollowing}
    />
    <p class="log-foot quiet" role="status">${state ? foot(state, run) : "Reading…"}</p>
  </section>`;
}

/** @param {LogState} state @param {Run} run */
function foot(state, run) {
  if (state.error) return visible(state.error);
  const size = `${counted(state.buffer.lines.length + state.buffer.dropped, "line")}, ${bytes(state.next)}`;
  if (state.isComplete && state.firstOffset > 0) return `${size} in all, of which the end is shown.`;
  if (state.isComplete) return state.next === 0 ? "It wrote nothing." : `${size}. This is all.`;
  return run.launched_on_ms === null ? "It has not begun." : `${size} so far.`;
}

/** @param {{ state: LogState, onRead: () => void, download: string }} props */
function Earlier({ state, onRead, download }) {
  const tooLarge = state.next > MOST_TO_READ;
  return html`<p class="log-note">
    The first ${bytes(state.firstOffset)} are not shown, nor searched.
    ${tooLarge ? html`<a href=${download} download>Download all</a>` : html`<button type="button" class="small" onClick=${onRead}>Read all</button>`}
  </p>`;
}

/** @param {{ text: string, onText: (text: string) => void, onGo: (by: number) => void, told: string }} props */
function Search({ text, onText, onGo, told }) {
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    onGo(event.shiftKey ? -1 : 1);
  };
  return html`<div class="log-search" role="search">
    <input
      id="log-search"
      type="search"
      aria-label="Search the log"
      placeholder="Search  ( / )"
      value=${text}
      spellcheck="false"
      onInput=${(/** @type {Event} */ event) => onText(/** @type {HTMLInputElement} */ (event.target).value)}
      onKeyDown=${pressed}
    />
    ${text !== "" && html`<button type="button" class="small" aria-label="Hit before" onClick=${() => onGo(-1)}>↑</button><button type="button" class="small" aria-label="Next hit" onClick=${() => onGo(1)}>↓</button>`}
    <span class="quiet" role="status">${told}</span>
  </div>`;
}

/** @param {string} runId @param {Stream} stream @param {boolean} isWhole @returns {LogState | null} */
function useLog(runId, stream, isWhole) {
  const [state, setState] = useState(/** @type {LogState | null} */ (null));
  const asked = useRef(0);
  useEffect(() => {
    setState(null);
    /** @type {LogState | null} */
    let newest = null;
    const reader = new LogReader(runId, stream, (told) => {
      newest = told;
      // As often as the page is drawn, however often it comes.
      if (asked.current === 0) {
        asked.current = requestAnimationFrame(() => {
          asked.current = 0;
          if (newest) setState(newest);
        });
      }
    });
    void reader.read(isWhole);
    return () => {
      reader.end();
      newest = null;
      cancelAnimationFrame(asked.current);
      asked.current = 0;
    };
  }, [runId, stream, isWhole]);
  return state;
}
