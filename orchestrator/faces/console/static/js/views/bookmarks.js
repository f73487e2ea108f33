// The bookmark of a job over time: what changed from one entry to another, and the ways back.

import { html, useState } from "../kit.js";
import { comparable, diffLines } from "../lib/diff.js";
import { shortId } from "../lib/format.js";
import { visible } from "../lib/visible.js";
import { ask } from "../net/api.js";
import { useLoaded, useReloadOnDefinitions } from "../net/loading.js";
import { session } from "../net/session.js";
import { act, confirmed } from "../parts/dialog.js";
import { Instant, Problem, RunLink } from "../parts/marks.js";
import { Panel } from "../parts/panel.js";

/** @typedef {import("../types.js").BookmarkEntry} Entry */

/** @param {{ job: string, current: Entry | null }} props */
export function Bookmarks({ job, current }) {
  const key = `/bookmark?${job}#${current?.version ?? 0}`;
  const found = useLoaded(
    key,
    (signal) => /** @type {Promise<{ entries: Entry[] }>} */ (ask("/bookmark", { name: job }, signal)),
  );
  useReloadOnDefinitions(found.reload);
  const entries = found.value?.entries ?? [];
  const reset = async () => {
    const sure = await confirmed(
      "Reset the bookmark?",
      `The next run of ${job} begins from nothing, as if it had never run. What was kept stays in the history.`,
      "Reset it",
    );
    if (sure && (await act("ResetJobBookmark", { JobName: job }, "The bookmark was reset."))) found.reload();
  };
  return html`<${Panel} key=${entries.length > 0} title="Bookmark" count=${entries.length} isOpen=${entries.length > 0}>
    ${found.error?.status === 404 ? null : html`<${Problem} error=${found.error} />`}
    ${
      entries.length === 0
        ? html`<p class="quiet">It has kept none.</p>`
        : html`<${Entries} key=${job} job=${job} entries=${entries} onChange=${found.reload} />
            ${!session.isReadOnly && html`<div class="buttons"><button type="button" class="bad" onClick=${reset}>Reset…</button></div>`}`
    }
  <//>`;
}

/** @param {{ job: string, entries: Entry[], onChange: () => void }} props */
function Entries({ job, entries, onChange }) {
  const [chosen, setChosen] = useState(/** @type {number | null} */ (null));
  const place = Math.max(
    entries.findIndex((entry) => entry.version === chosen),
    0,
  );
  const entry = entries[place];
  const rewind = async (/** @type {Entry} */ one) => {
    if (!one.run_id) return;
    const sure = await confirmed(
      "Rewind the bookmark?",
      `The next run of ${job} goes on from where it was after ${shortId(one.run_id)}.`,
      "Rewind it",
    );
    if (sure && (await act("ResetJobBookmark", { JobName: job, RunId: one.run_id }, "The bookmark was rewound.")))
      onChange();
  };
  return html`<table class="small-table">
      <thead><tr><th scope="col">Version</th><th scope="col">Why</th><th scope="col">Run</th><th scope="col">When</th><th scope="col"><span class="unseen">Do</span></th></tr></thead>
      <tbody>
        ${entries.slice(0, 30).map(
          (one, at) =>
            html`<tr key=${one.version} class=${at === place ? "chosen" : ""}>
              <td><button type="button" class="link" aria-pressed=${at === place ? "true" : "false"} onClick=${() => setChosen(one.version)}>${one.version}</button></td>
              <td>${visible(one.cause)}</td>
              <td>${one.run_id ? html`<${RunLink} id=${one.run_id} />` : html`<span class="quiet">–</span>`}</td>
              <td><${Instant} ms=${one.at_ms} /></td>
              <td>${!session.isReadOnly && at > 0 && one.run_id && html`<button type="button" class="small" onClick=${() => rewind(one)}>Rewind…</button>`}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${entry && html`<${Difference} entry=${entry} before=${entries[place + 1] ?? null} />`}`;
}

/** @param {{ entry: Entry, before: Entry | null }} props */
function Difference({ entry, before }) {
  const lines = diffLines(comparable(before?.bookmark ?? null), comparable(entry.bookmark));
  const signs = { same: " ", added: "+", removed: "−" };
  return html`<h3>${before ? `Version ${entry.version} against ${before.version}` : `Version ${entry.version}`}</h3>
    <pre class="diff" tabindex="0" aria-label="What changed">${lines.map((line, place) => html`<span key=${place} class=${line.kind}>${signs[line.kind]} ${visible(line.text)}${"\n"}</span>`)}${lines.length === 0 ? "(empty)" : ""}</pre>`;
}
