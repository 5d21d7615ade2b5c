import type { WasmAppObject, WasmReplica, WasmRuntime } from "../objects.ts";
import type { RuntimeNode } from "./observed.ts";
import { isListening, isServing } from "./replica-state.ts";

/*
 * Which nodes run an app. What is placed stays where it is as long as its node fits; a replica on a node that is lost is
 * replaced elsewhere first and removed afterwards.
 */

/** Where an app is to run, and why not on as many nodes as it wants. */
export interface Placement {
  /** Nodes that keep or get a replica. */
  nodes: string[];
  /** Nodes that the app wants; with `everyNode` all that fit. */
  wanted: number;
  /** Why there are fewer. */
  shortage?: string;
}

interface Candidate {
  node: RuntimeNode;
  rank: number;
}

type Spread = NonNullable<NonNullable<WasmAppObject["spec"]["placement"]>["topologySpread"]>[number];

/** Returns where the app is to run, given where it runs now. */
export function placeApp(
  app: WasmAppObject,
  runtime: WasmRuntime,
  nodes: readonly RuntimeNode[],
  replicas: readonly WasmReplica[],
  nowMs: number,
): Placement {
  const { spec: pool } = runtime;
  const { everyNode = false, nodeSelector = {}, topologySpread = [] } = app.spec.placement ?? {};
  const fitting = new Map(nodes.filter(({ labels }) => selects(nodeSelector, labels)).map((node) => [node.name, node]));
  const kept = replicas.filter(({ spec }) => fitting.has(spec.nodeName));
  const standing = kept.filter(({ spec }) => !isLost(fitting.get(spec.nodeName)!, runtime, nowMs));
  const taken = new Set(kept.map(({ spec }) => spec.nodeName));
  const free = [...fitting.values()].filter(
    ({ name, takesApps, isCordoned, isReady, replicas: load }) =>
      !taken.has(name) && takesApps && isReady && !isCordoned && load < pool.maxAppsPerNode,
  );
  if (everyNode) {
    const names = [...kept.map(({ spec }) => spec.nodeName), ...free.map(({ name }) => name)];
    const wanted = [...fitting.values()].filter(({ isCordoned, name }) => taken.has(name) || !isCordoned).length;
    return withShortage({ nodes: names.toSorted(), wanted }, nodes, fitting, pool.maxAppsPerNode);
  }
  const wanted = wantedReplicas(app);
  const chosen = choose(app, standing, fitting, wanted);
  const added = add(app, free, chosen, fitting, topologySpread, wanted);
  const placed = [...chosen, ...added];
  // Replicas on lost nodes stay until there is somewhere else to run: their node may come back.
  const lost = kept.filter((replica) => !standing.includes(replica)).map(({ spec }) => spec.nodeName);
  const all = [...placed, ...lost.toSorted().slice(0, Math.max(0, wanted - placed.length))];
  return withShortage({ nodes: all.toSorted(), wanted }, nodes, fitting, pool.maxAppsPerNode);
}

/** Returns whether a node has been unready for so long that its apps are to run elsewhere. */
export function isLost(
  { isReady, unreadySinceMs }: RuntimeNode,
  { spec: { unreachableSeconds } }: WasmRuntime,
  nowMs: number,
): boolean {
  return !isReady && nowMs - (unreadySinceMs ?? nowMs) >= unreachableSeconds * 1000;
}

/** Returns on how many nodes the user wants the app. */
export function wantedReplicas({ spec: { scale } }: WasmAppObject): number {
  return Math.min(scale.minReplicas, scale.maxReplicas ?? scale.minReplicas);
}

/** When the next node counts as lost, in milliseconds from now, if any of the app's nodes may be. */
export function nextLossMs(
  replicas: readonly WasmReplica[],
  nodes: readonly RuntimeNode[],
  unreachableSeconds: number,
  nowMs: number,
): number | undefined {
  const names = new Set(replicas.map(({ spec }) => spec.nodeName));
  const waits = nodes
    .filter(({ name, isReady, unreadySinceMs }) => names.has(name) && !isReady && unreadySinceMs !== undefined)
    .map(({ unreadySinceMs = nowMs }) => unreadySinceMs + unreachableSeconds * 1000 - nowMs)
    .filter((ms) => ms > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** Returns which replicas stay when there may be too many: first those that serve, then those on nodes with few others. */
function choose(
  app: WasmAppObject,
  standing: readonly WasmReplica[],
  fitting: ReadonlyMap<string, RuntimeNode>,
  wanted: number,
): string[] {
  if (standing.length <= wanted) return standing.map(({ spec }) => spec.nodeName);
  const order = standing.map((replica) => {
    const node = fitting.get(replica.spec.nodeName)!;
    // What ran as a command before the app was for http answers no request.
    const isOfUse = app.spec.trigger.http === undefined ? isServing(replica) : isListening(replica);
    const penalty = (isOfUse ? 0 : 4) + (node.isReady ? 0 : 2) + (node.isCordoned ? 1 : 0);
    return { name: node.name, penalty, load: node.replicas, rank: rankOf(app, node.name) };
  });
  order.sort((a, b) => a.penalty - b.penalty || a.load - b.load || a.rank - b.rank);
  return order.slice(0, wanted).map(({ name }) => name);
}

function add(
  app: WasmAppObject,
  free: readonly RuntimeNode[],
  chosen: readonly string[],
  fitting: ReadonlyMap<string, RuntimeNode>,
  spreads: readonly Spread[],
  wanted: number,
): string[] {
  const missing = wanted - chosen.length;
  if (missing <= 0) return [];
  const candidates: Candidate[] = free.map((node) => ({ node, rank: rankOf(app, node.name) }));
  const added: string[] = [];
  while (added.length < missing) {
    const domains = spreads.map((spread) => domainsOf(spread, fitting, [...chosen, ...added]));
    const best = bestOf(
      candidates.filter(({ node }) => !added.includes(node.name)),
      spreads,
      domains,
    );
    if (best === undefined) break;
    added.push(best.node.name);
  }
  return added;
}

/** Returns the candidate that spreads best, has the fewest replicas, and, among equals, comes first in the app's own order. */
function bestOf(
  candidates: readonly Candidate[],
  spreads: readonly Spread[],
  domains: readonly ReadonlyMap<string, number>[],
): Candidate | undefined {
  let best: { candidate: Candidate; skew: number } | undefined;
  for (const candidate of candidates) {
    const skews = spreads.map((spread, index) => skewWith(candidate.node, spread, domains[index]!));
    const isRefused = spreads.some(
      ({ whenUnsatisfiable, maxSkew }, index) => whenUnsatisfiable === "DoNotSchedule" && skews[index]! > maxSkew,
    );
    if (isRefused) continue;
    const skew = skews.reduce((sum, value) => sum + value, 0);
    if (best === undefined || isBetter({ candidate, skew }, best)) best = { candidate, skew };
  }
  return best?.candidate;
}

function isBetter(a: { candidate: Candidate; skew: number }, b: { candidate: Candidate; skew: number }): boolean {
  if (a.skew !== b.skew) return a.skew < b.skew;
  const [load, otherLoad] = [a.candidate.node.replicas, b.candidate.node.replicas];
  return load === otherLoad ? a.candidate.rank < b.candidate.rank : load < otherLoad;
}

/** Returns how many replicas each domain has; a domain without any counts with 0. */
function domainsOf(
  { topologyKey }: Spread,
  fitting: ReadonlyMap<string, RuntimeNode>,
  placed: readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { labels } of fitting.values()) {
    const domain = labels[topologyKey];
    if (domain !== undefined) counts.set(domain, 0);
  }
  for (const name of placed) {
    const domain = fitting.get(name)?.labels[topologyKey];
    if (domain !== undefined) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  return counts;
}

/** Returns how many more replicas the node's domain would have than the emptiest; a node without the label is the worst. */
function skewWith({ labels }: RuntimeNode, { topologyKey }: Spread, counts: ReadonlyMap<string, number>): number {
  const domain = labels[topologyKey];
  if (domain === undefined) return Number.MAX_SAFE_INTEGER / 8;
  return (counts.get(domain) ?? 0) + 1 - Math.min(...counts.values());
}

function withShortage(
  placement: Placement,
  nodes: readonly RuntimeNode[],
  fitting: ReadonlyMap<string, RuntimeNode>,
  maxAppsPerNode: number,
): Placement {
  const missing = placement.wanted - placement.nodes.length;
  if (missing <= 0) return placement;
  const all = [...fitting.values()];
  const reasons = [
    [nodes.length - all.length, "do not match placement.nodeSelector"],
    [all.filter(({ isReady }) => !isReady).length, "are not ready"],
    [all.filter(({ isReady, isCordoned }) => isReady && isCordoned).length, "are cordoned"],
    [
      all.filter(({ isReady, isCordoned, takesApps }) => isReady && !isCordoned && !takesApps).length,
      "have no ready node runtime",
    ],
    [
      all.filter(({ replicas }) => replicas >= maxAppsPerNode).length,
      `run maxAppsPerNode (${maxAppsPerNode}) apps already`,
    ],
  ] as const;
  const why = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`);
  const detail =
    why.length === 0 ? "each runs the app already or would break placement.topologySpread" : why.join(", ");
  const shortage = `${placement.nodes.length} of ${placement.wanted} wanted nodes run the app; of the ${nodes.length} nodes of the pool, ${detail}`;
  return { ...placement, shortage };
}

function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** An order of nodes that differs from app to app, so that equal nodes fill evenly: FNV-1a, as it is cheap. */
function rankOf({ metadata }: WasmAppObject, node: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${metadata.namespace ?? ""}/${metadata.name}/${node}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 0;
}
