// Where the nodes of a graph of triggers and jobs stand: layers from left to right, few crossings. Pure.

/**
 * @typedef {{ readonly id: string, readonly kind: "trigger" | "job", readonly label: string, readonly note: string }} Node
 * @typedef {{ readonly from: string, readonly to: string, readonly note: string }} Edge
 * @typedef {{ readonly layer: number, readonly place: number }} Place
 * @typedef {Node & Place} PlacedNode
 * @typedef {Edge & { readonly bends: readonly Place[] }} PlacedEdge bends: where it passes the layers between its ends
 * @typedef {{ readonly nodes: readonly PlacedNode[], readonly edges: readonly PlacedEdge[], readonly layers: number,
 *   readonly places: number }} Graph
 * @typedef {import("../types.js").Trigger} Trigger
 */

/**
 * Return triggers and the jobs that they start and watch as a graph.
 * @param {readonly Trigger[]} triggers
 * @returns {{ nodes: Node[], edges: Edge[] }}
 */
export function graphOf(triggers) {
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  /** @type {Edge[]} */
  const edges = [];
  const job = (/** @type {string} */ name) => {
    const id = `job:${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind: "job", label: name, note: "job" });
    return id;
  };
  for (const trigger of triggers) {
    const id = `trigger:${trigger.name}`;
    nodes.set(id, { id, kind: "trigger", label: trigger.name, note: trigger.schedule ?? wordsOf(trigger) });
    for (const watched of trigger.watches) edges.push({ from: job(watched.job_name), to: id, note: watched.state });
    for (const name of trigger.starts) edges.push({ from: id, to: job(name), note: "" });
  }
  return { nodes: [...nodes.values()], edges };
}

/**
 * Place the nodes. Each stands right of all that lead to it; an edge that closes a circle is let be.
 * @param {readonly Node[]} nodes
 * @param {readonly Edge[]} edges
 * @returns {Graph}
 */
export function layOutGraph(nodes, edges) {
  const known = new Set(nodes.map((node) => node.id));
  const own = edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
  const layerOf = layersOf(nodes, own);
  /** @type {string[][]} */
  const layers = [];
  for (const node of nodes) (layers[layerOf.get(node.id) ?? 0] ??= []).push(node.id);
  for (let place = 0; place < layers.length; place += 1) layers[place] ??= [];
  const ways = own.map((edge, number) => wayOf(edge, number, layerOf, layers));
  const placeOf = orderLayers(
    layers,
    ways.flatMap(({ steps }) => steps),
  );
  return {
    nodes: nodes.map((node) => ({ ...node, layer: layerOf.get(node.id) ?? 0, place: placeOf.get(node.id) ?? 0 })),
    edges: ways.map(({ edge, bends }) => ({
      ...edge,
      bends: bends.map(({ id, layer }) => ({ layer, place: placeOf.get(id) ?? 0 })),
    })),
    layers: layers.length,
    places: Math.max(0, ...layers.map((layer) => layer.length)),
  };
}

/**
 * Give an edge a place of its own in each layer that it passes, so that no node lies on it.
 * @param {Edge} edge
 * @param {number} number
 * @param {ReadonlyMap<string, number>} layerOf
 * @param {string[][]} layers
 * @returns {{ edge: Edge, bends: { id: string, layer: number }[], steps: Edge[] }}
 */
function wayOf(edge, number, layerOf, layers) {
  /** @type {{ id: string, layer: number }[]} */
  const bends = [];
  for (let layer = (layerOf.get(edge.from) ?? 0) + 1; layer < (layerOf.get(edge.to) ?? 0); layer += 1) {
    const id = `bend:${number}:${layer}`;
    layers[layer]?.push(id);
    bends.push({ id, layer });
  }
  const ids = [edge.from, ...bends.map(({ id }) => id), edge.to];
  const steps = ids.slice(1).map((to, place) => ({ from: ids[place] ?? "", to, note: "" }));
  return { edge, bends, steps };
}

/** The longest way to each node; what comes back to where it was is not followed. @param {readonly Node[]} nodes @param {readonly Edge[]} edges */
function layersOf(nodes, edges) {
  /** @type {Map<string, string[]>} */
  const before = new Map();
  for (const edge of edges) before.set(edge.to, [...(before.get(edge.to) ?? []), edge.from]);
  /** @type {Map<string, number>} */
  const layers = new Map();
  const underWay = new Set();
  for (const node of nodes) {
    /** @type {{ id: string, rest: string[], layer: number }[]} */
    const stack = [{ id: node.id, rest: [...(before.get(node.id) ?? [])], layer: 0 }];
    if (layers.has(node.id)) continue;
    underWay.add(node.id);
    while (stack.length > 0) {
      const top = /** @type {{ id: string, rest: string[], layer: number }} */ (stack.at(-1));
      const next = top.rest.pop();
      if (next === undefined) {
        stack.pop();
        underWay.delete(top.id);
        layers.set(top.id, top.layer);
        const below = stack.at(-1);
        if (below) below.layer = Math.max(below.layer, top.layer + 1);
      } else if (layers.has(next)) top.layer = Math.max(top.layer, (layers.get(next) ?? 0) + 1);
      else if (!underWay.has(next)) {
        underWay.add(next);
        stack.push({ id: next, rest: [...(before.get(next) ?? [])], layer: 0 });
      }
    }
  }
  return layers;
}

/** Order each layer by the middle of its neighbours, some times to and fro. @param {string[][]} layers @param {readonly Edge[]} edges */
function orderLayers(layers, edges) {
  /** @type {Map<string, number>} */
  const placeOf = new Map();
  /** @type {Map<string, string[]>} */
  const neighbours = new Map();
  for (const { from, to } of edges) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
    neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
  }
  const settle = (/** @type {string[]} */ layer) => {
    const free = centred(layer.length, layers);
    layer.forEach((id, place) => placeOf.set(id, free + place));
  };
  layers.forEach(settle);
  for (let turn = 0; turn < 6; turn += 1) {
    for (const layer of turn % 2 === 0 ? layers : [...layers].reverse()) {
      const weight = new Map(layer.map((id) => [id, middle(neighbours.get(id) ?? [], placeOf, placeOf.get(id) ?? 0)]));
      layer.sort((one, other) => (weight.get(one) ?? 0) - (weight.get(other) ?? 0));
      settle(layer);
    }
  }
  return placeOf;
}

/** @param {number} count @param {string[][]} layers */
function centred(count, layers) {
  return (Math.max(...layers.map((layer) => layer.length)) - count) / 2;
}

/** @param {string[]} ids @param {Map<string, number>} placeOf @param {number} otherwise */
function middle(ids, placeOf, otherwise) {
  if (ids.length === 0) return otherwise;
  return ids.reduce((sum, id) => sum + (placeOf.get(id) ?? 0), 0) / ids.length;
}

/** @param {Trigger} trigger */
function wordsOf(trigger) {
  if (trigger.type === "CONDITIONAL") return trigger.watches.length > 1 ? (trigger.logical ?? "AND") : "when";
  return trigger.type === "ON_DEMAND" ? "on demand" : trigger.type.toLowerCase();
}
