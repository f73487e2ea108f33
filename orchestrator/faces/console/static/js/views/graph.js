// Triggers and the jobs that they start and watch, as a graph: nodes are links, lines lie below them.

import { html, useMemo } from "../kit.js";
import { graphOf, layOutGraph } from "../lib/graph.js";
import { href } from "../lib/route.js";
import { visible } from "../lib/visible.js";
import { StateMark } from "../parts/marks.js";

/** @typedef {import("../types.js").Trigger} Trigger */

const NODE = { width: 176, height: 46, gapX: 84, gapY: 18 };

/**
 * @param {{ triggers: readonly Trigger[], states?: ReadonlyMap<string, string>, runs?: ReadonlyMap<string, string>,
 *   label: string }} props states: of jobs in a run of a workflow; runs: which run it is
 */
export function TriggerGraph({ triggers, states = new Map(), runs = new Map(), label }) {
  const graph = useMemo(() => {
    const { nodes, edges } = graphOf(triggers);
    return layOutGraph(nodes, edges);
  }, [triggers]);
  if (graph.nodes.length === 0) return null;
  const left = (/** @type {{ layer: number }} */ node) => node.layer * (NODE.width + NODE.gapX);
  const top = (/** @type {{ place: number }} */ node) => node.place * (NODE.height + NODE.gapY);
  const width = graph.layers * NODE.width + (graph.layers - 1) * NODE.gapX;
  const height = graph.places * NODE.height + (graph.places - 1) * NODE.gapY;
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return html`<div class="graph" role="region" tabindex="0" aria-label=${label}>
    <div class="graph-body" style=${{ width: `${width}px`, height: `${height}px` }}>
      <svg width=${width} height=${height} aria-hidden="true">
        ${graph.edges.map((edge, place) => {
          const [from, to] = [byId.get(edge.from), byId.get(edge.to)];
          if (!from || !to) return null;
          const [x1, y1] = [left(from) + NODE.width, top(from) + NODE.height / 2];
          const [x2, y2] = [left(to), top(to) + NODE.height / 2];
          const bend = Math.max(Math.abs(x2 - x1) / 2, 30);
          return html`<g key=${place}>
            <path class="edge" d=${`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 6} ${y2}`} />
            <path class="head-mark" d=${`M${x2} ${y2}l-7 -4v8z`} />
            ${edge.note && html`<text x=${(x1 + x2) / 2} y=${(y1 + y2) / 2 - 5} text-anchor="middle">${edge.note.toLowerCase()}</text>`}
          </g>`;
        })}
      </svg>
      <ul>
        ${graph.nodes.map((node) => {
          const state = node.kind === "job" ? states.get(node.label) : undefined;
          const run = runs.get(node.label);
          const address =
            node.kind === "trigger"
              ? href("triggers", { name: node.label })
              : run
                ? href("run", {}, run)
                : href("job", { name: node.label });
          return html`<li key=${node.id} style=${{ left: `${left(node)}px`, top: `${top(node)}px`, width: `${NODE.width}px`, height: `${NODE.height}px` }}>
            <a class=${`node ${node.kind}`} href=${address} title=${`${visible(node.label)}: ${visible(node.note)}`}>
              <span class="node-name"><bdi>${visible(node.label)}</bdi></span>
              ${state ? html`<${StateMark} state=${state} />` : html`<span class="node-note"><bdi>${visible(node.note)}</bdi></span>`}
            </a>
          </li>`;
        })}
      </ul>
    </div>
  </div>`;
}
