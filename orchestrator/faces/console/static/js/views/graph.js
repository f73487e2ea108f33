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
  const width = graph.layers * NODE.width + (graph.layers - 1) * NODE.gapX;
  const height = graph.places * NODE.height + (graph.places - 1) * NODE.gapY;
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  return html`<div class="graph" role="region" tabindex="0" aria-label=${label}>
    <div class="graph-body" style=${{ width: `${width}px`, height: `${height}px` }}>
      <svg width=${width} height=${height} aria-hidden="true">
        ${graph.edges.map((edge, place) => html`<${EdgeMark} key=${place} edge=${edge} from=${byId.get(edge.from)} to=${byId.get(edge.to)} />`)}
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

/** @param {{ layer: number }} node */
function left(node) {
  return node.layer * (NODE.width + NODE.gapX);
}

/** @param {{ place: number }} node */
function top(node) {
  return node.place * (NODE.height + NODE.gapY);
}

/** @param {{ edge: import("../lib/graph.js").PlacedEdge, from: import("../lib/graph.js").Place, to: import("../lib/graph.js").Place }} props */
function EdgeMark({ edge, from, to }) {
  const middle = (/** @type {{ place: number }} */ one) => top(one) + NODE.height / 2;
  const end = { x: left(to), y: middle(to) };
  let at = { x: left(from) + NODE.width, y: middle(from) };
  let path = `M${at.x} ${at.y}`;
  const curveTo = (/** @type {{ x: number, y: number }} */ next) => {
    const bend = Math.max(Math.abs(next.x - at.x) / 2, 30);
    path += `C${at.x + bend} ${at.y} ${next.x - bend} ${next.y} ${next.x} ${next.y}`;
    at = next;
  };
  for (const one of edge.bends) {
    curveTo({ x: left(one), y: middle(one) });
    at = { x: left(one) + NODE.width, y: middle(one) };
    path += `L${at.x} ${at.y}`;
  }
  const label = { x: end.x - NODE.gapX / 2 - 4, y: (at.y + end.y) / 2 - 5 };
  curveTo({ x: end.x - 6, y: end.y });
  return html`<g>
    <path class="edge" d=${path} />
    <path class="head-mark" d=${`M${end.x} ${end.y}l-7 -4v8z`} />
    ${edge.note && html`<text x=${label.x} y=${label.y} text-anchor="middle">${edge.note.toLowerCase()}</text>`}
  </g>`;
}
