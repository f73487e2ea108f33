// What a run takes of the machine over its time: CPU and memory of its whole tree of processes.

import { html, useMemo } from "../kit.js";
import { bytes } from "../lib/format.js";
import { sampleColumns } from "../lib/steps.js";
import { isLive } from "../lib/states.js";
import { Panel } from "../parts/panel.js";
import { Plot } from "../parts/plot.js";

/** @param {{ run: import("../types.js").Run, samples: import("../types.js").Sample[] }} props */
export function Resources({ run, samples }) {
  const columns = useMemo(() => sampleColumns(samples), [samples]);
  const last = samples.at(-1);
  return html`<${Panel} title="CPU and memory" isOpen=${true}>
    ${
      samples.length < 2
        ? html`<p class="quiet">${isLive(run.state) ? "Not enough samples yet." : "It was too short to be sampled."}</p>`
        : html`<${Plot}
            label=${`CPU and memory over ${last ? Math.round(last.after_ms / 1000) : 0} s; the peak was ${bytes(run.peak_tree_rss_bytes ?? Math.max(...columns[2]))}`}
            columns=${columns}
            height=${150}
            isTime=${false}
            series=${[
              {
                name: "CPU, cores",
                color: "--plot-1",
                scale: "y",
                told: (/** @type {number} */ value) => value.toFixed(2),
              },
              { name: "Memory", color: "--plot-2", scale: "memory", told: bytes },
            ]}
          />`
    }
  <//>`;
}
