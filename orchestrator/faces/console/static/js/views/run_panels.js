// The panels beside a run's log: its history, arguments, attempts, ledger, and where it lies.

import { html } from "../kit.js";
import { fullInstant, instant } from "../lib/format.js";
import { visible } from "../lib/visible.js";
import { beat } from "../net/clock.js";
import { CopyButton, Facts, Instant, Name, RunDuration, RunLink, StateMark } from "../parts/marks.js";
import { Panel } from "../parts/panel.js";

/** @typedef {import("../types.js").Run} Run */
/** @typedef {import("../types.js").RunDetails} RunDetails */

/** @param {{ steps: RunDetails["history"] }} props */
export function History({ steps }) {
  return html`<${Panel} title="History" isOpen=${true}>
    <ol class="steps">
      ${steps.map(
        (step) =>
          html`<li key=${step.seq}>
            <${StateMark} state=${step.to_state} />
            <span class="quiet">${(step.event ?? "accepted").toLowerCase().replaceAll("_", " ")}</span>
            <time title=${fullInstant(step.at_ms)}>${instant(step.at_ms, beat.value)}.${String(step.at_ms % 1000).padStart(3, "0")}</time>
          </li>`,
      )}
    </ol>
  <//>`;
}

/** @param {{ told: RunDetails["arguments"] }} props */
export function Arguments({ told }) {
  const { effective, override, non_overridable: fixed } = told;
  const rows = Object.entries(effective ?? {});
  const origin = (/** @type {string} */ key) =>
    Object.hasOwn(fixed ?? {}, key)
      ? "fixed by the job"
      : Object.hasOwn(override ?? {}, key)
        ? "this run"
        : "job's default";
  return html`<${Panel} title="Arguments" count=${rows.length} isOpen=${rows.length > 0 && rows.length <= 12}>
    ${
      rows.length === 0
        ? html`<p class="quiet">None.</p>`
        : html`<table class="small-table">
            <thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">From</th></tr></thead>
            <tbody>
              ${rows.map(
                ([key, value]) =>
                  html`<tr key=${key}>
                    <th scope="row"><code><${Name} text=${key} /></code></th>
                    <td><code class="breaks"><${Name} text=${value} /></code></td>
                    <td class=${origin(key) === "this run" ? "" : "quiet"}>${origin(key)}${origin(key) === "this run" && replaced(told, key)}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
  <//>`;
}

/** @param {RunDetails["arguments"]} told @param {string} key */
function replaced(told, key) {
  if (!Object.hasOwn(told.default ?? {}, key)) return "";
  return html`<br /><span class="quiet">not <${Name} text=${told.default?.[key] ?? ""} /></span>`;
}

/** @param {{ attempts: Run[], current: string }} props */
export function Attempts({ attempts, current }) {
  return html`<${Panel} title="Attempts" count=${attempts.length} isOpen=${true}>
    <table class="small-table">
      <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col">Accepted</th><th scope="col">Duration</th></tr></thead>
      <tbody>
        ${attempts.map(
          (run) =>
            html`<tr key=${run.id} class=${run.id === current ? "chosen" : ""} aria-current=${run.id === current ? "true" : undefined}>
              <td><${RunLink} id=${run.id} /></td>
              <td><${StateMark} state=${run.state} /></td>
              <td><${Instant} ms=${run.started_on_ms} /></td>
              <td><${RunDuration} run=${run} /></td>
            </tr>`,
        )}
      </tbody>
    </table>
  <//>`;
}

/** That nothing ran twice: what the claim and the sealed ending say. @param {{ told: RunDetails }} props */
export function Ledger({ told }) {
  const { claim, ending } = told.ledger;
  return html`<${Panel} title="Ledger">
    <p class="quiet">One claim file can be made for each run, and who made it is who ran it. The ending was written by the same process.</p>
    <h3>Claim</h3>
    ${claim ? html`<${Facts} items=${rowsOf(claim)} />` : html`<p class="quiet">None: it has not started.</p>`}
    <h3>Ending</h3>
    ${ending ? html`<${Facts} items=${rowsOf(ending)} />` : html`<p class="quiet">None: it has not ended by itself.</p>`}
    <h3>Script</h3>
    <p class="breaks"><code>${told.script_sha256 ? `sha256 ${told.script_sha256}` : "–"}</code></p>
  <//>`;
}

/** @param {Record<string, unknown>} record @returns {[string, unknown][]} */
function rowsOf(record) {
  return Object.entries(record).map(([key, value]) => {
    if (typeof value === "number" && key.endsWith("_ms") && value > 1e12)
      return [words(key), html`<${Instant} ms=${value} />`];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return [
      words(key),
      html`<span class="breaks">${visible(text.length > 400 ? `${text.slice(0, 400)}…` : text)}</span>`,
    ];
  });
}

/** @param {string} key */
function words(key) {
  return visible(key.replace(/_(ms|s)$/, "").replaceAll("_", " "));
}

/** @param {{ told: RunDetails }} props */
export function Place({ told }) {
  return html`<${Panel} title="Directory and id">
    <p class="breaks"><code>${visible(told.run.id)}</code> <${CopyButton} text=${told.run.id} /></p>
    ${told.directory && html`<p class="breaks"><code>${visible(told.directory)}</code> <${CopyButton} text=${told.directory} /></p>`}
  <//>`;
}
