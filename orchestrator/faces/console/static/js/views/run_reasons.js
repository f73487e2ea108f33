// Why a run is as it is: what it waits for, what started it, and the chain that it belongs to.

import { html } from "../kit.js";
import { figure } from "../lib/format.js";
import { href } from "../lib/route.js";
import { reasonsOf } from "../lib/reasons.js";
import { isLive } from "../lib/states.js";
import { visible } from "../lib/visible.js";
import { beat } from "../net/clock.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnRuns } from "../net/loading.js";
import { Distance, Name, Problem, RunLink, StateMark } from "../parts/marks.js";
import { Panel } from "../parts/panel.js";

/** @typedef {import("../types.js").Explanation} Explanation */
/** @typedef {import("../types.js").Chain} ChainShape */

/** @param {{ run: import("../types.js").Run }} props */
export function Reasons({ run }) {
  const path = `/runs/${encodeURIComponent(run.id)}/explain`;
  const told = useLoaded(path, (signal) => /** @type {Promise<Explanation>} */ (ask(path, {}, signal)));
  const inChain = told.value?.chain != null;
  useReloadOnRuns(told.reload, (one) => one.id === run.id || inChain || run.state === "WAITING", 1000);
  const value = told.value;
  if (!value) return html`<${Problem} error=${told.error} />`;
  const sentences = reasonsOf(value, beat.value);
  const isWaiting = value.wait !== null && isLive(run.state);
  return html`${
    sentences.length > 0 &&
    html`<${Panel} title=${isWaiting ? "Why it waits" : "Why it ran"} isOpen=${true}>
        ${sentences.map((sentence) => html`<p key=${sentence}>${visible(sentence)}</p>`)}
        ${isWaiting && html`<${Holders} held=${value.slots.held} />`}
      <//>`
  }
    ${value.chain && value.chain.lines.length > 1 && html`<${ChainPanel} chain=${value.chain} current=${run.id} />`}`;
}

/** @param {{ held: Explanation["slots"]["held"] }} props */
function Holders({ held }) {
  if (held.length === 0) return null;
  return html`<table class="small-table">
    <thead><tr><th scope="col">Holds DPU</th><th scope="col">Run</th><th scope="col">DPU</th><th scope="col">Since</th></tr></thead>
    <tbody>
      ${held.slice(0, 20).map(
        (one) =>
          html`<tr key=${one.id}>
            <td><${Name} text=${one.job_name} /></td>
            <td><${RunLink} id=${one.id} /></td>
            <td>${figure(one.dpu)}</td>
            <td><${Distance} ms=${one.since_ms} /></td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** @param {{ chain: ChainShape, current: string }} props */
export function ChainPanel({ chain, current }) {
  const runs = chain.lines.filter((line) => line.kind === "run").length;
  return html`<${Panel} title="Chain" count=${runs} isOpen=${chain.lines.length <= 30}><${ChainLines} chain=${chain} current=${current} /><//>`;
}

/** A chain as the lines of its tree. @param {{ chain: ChainShape, current?: string }} props */
export function ChainLines({ chain, current = "" }) {
  return html`<ul class="chain">
    ${chain.lines.map((line, place) => {
      const style = { paddingInlineStart: `${Math.min(line.depth, 12) * 0.9}rem` };
      if (line.kind === "firing") {
        return html`<li key=${place} style=${style}>
          <span class="fired" aria-hidden="true">↳</span>
          <a href=${href("triggers", { name: line.trigger_name })}><${Name} text=${line.trigger_name} /></a>
          <span class="quiet">fired <${Distance} ms=${line.at_ms} /></span>
        </li>`;
      }
      return html`<li key=${place} style=${style} class=${line.id === current ? "chosen" : ""}>
        <${StateMark} state=${line.state} isShort=${true} />
        <a href=${href("run", {}, line.id)} aria-current=${line.id === current ? "true" : undefined}><${Name} text=${line.job_name} /></a>
        <span class="quiet">${line.attempts > 1 ? `attempt ${line.attempts}` : ""}${line.is_inherited ? " taken over" : ""}</span>
      </li>`;
    })}
  </ul>`;
}
