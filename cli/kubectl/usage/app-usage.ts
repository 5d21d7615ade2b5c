import { readMetrics } from "./metrics.ts";

/** What a node's runtime has counted of an app, and what it has of it now. */
export interface AppCounts {
  requests: number;
  cpuSeconds: number;
  memoryBytes: number;
  instances: number;
}

/** What an app does on a node. */
export interface AppUsage {
  namespace: string;
  app: string;
  node: string;
  requestsPerSecond: number;
  /** Seconds of CPU per second. */
  cpu: number;
  memoryBytes: number;
  instances: number;
}

/** What a node's runtime said, and when. */
export interface NodeSample {
  /** Milliseconds of a clock that only goes forward. */
  atMs: number;
  /** By `namespace/app`. */
  apps: ReadonlyMap<string, AppCounts>;
}

const FIELDS: Readonly<Record<string, keyof AppCounts>> = {
  wasmlet_requests_total: "requests",
  wasmlet_app_cpu_seconds_total: "cpuSeconds",
  wasmlet_app_memory_bytes: "memoryBytes",
  wasmlet_instances: "instances",
};
const NAMES: ReadonlySet<string> = new Set(Object.keys(FIELDS));

/** Returns what `/metrics` says of each app; throws SyntaxError where it is something else. */
export function readAppCounts(text: string): Map<string, AppCounts> {
  const apps = new Map<string, AppCounts>();
  for (const { name, labels, value } of readMetrics(text, NAMES)) {
    const { namespace, app } = labels;
    if (namespace === undefined || app === undefined) continue;
    const key = `${namespace}/${app}`;
    const counts = apps.get(key) ?? { requests: 0, cpuSeconds: 0, memoryBytes: 0, instances: 0 };
    counts[FIELDS[name]!] += value;
    apps.set(key, counts);
  }
  return apps;
}

/** Returns what a node's apps did between two samples; one that was counted anew in between did what it has counted since. */
export function usageBetween(node: string, before: NodeSample, after: NodeSample): AppUsage[] {
  const seconds = (after.atMs - before.atMs) / 1000;
  return [...after.apps].map(([key, counts]) => {
    const [namespace = "", app = ""] = key.split("/");
    const known = before.apps.get(key);
    const rate = (field: "requests" | "cpuSeconds"): number => {
      const from = known?.[field] ?? 0;
      const added = counts[field] < from ? counts[field] : counts[field] - from;
      return seconds > 0 ? added / seconds : 0;
    };
    const { memoryBytes, instances } = counts;
    return {
      namespace,
      app,
      node,
      requestsPerSecond: rate("requests"),
      cpu: rate("cpuSeconds"),
      memoryBytes,
      instances,
    };
  });
}

/** What an app does on all its nodes. */
export type TotalUsage = Omit<AppUsage, "node"> & { nodes: number };

/** Returns what apps do on all their nodes together, most CPU first. */
export function totalUsage(usages: readonly AppUsage[]): TotalUsage[] {
  const totals = new Map<string, TotalUsage>();
  for (const { node: _node, ...usage } of usages) {
    const key = `${usage.namespace}/${usage.app}`;
    const total = totals.get(key);
    if (total === undefined) totals.set(key, { ...usage, nodes: 1 });
    else {
      total.requestsPerSecond += usage.requestsPerSecond;
      total.cpu += usage.cpu;
      total.memoryBytes += usage.memoryBytes;
      total.instances += usage.instances;
      total.nodes++;
    }
  }
  return [...totals.values()].toSorted(byCpu);
}

/** Orders by CPU, then by requests, then by name. */
export function byCpu(a: Omit<AppUsage, "node">, b: Omit<AppUsage, "node">): number {
  const byName = `${a.namespace}/${a.app}` < `${b.namespace}/${b.app}` ? -1 : 1;
  return b.cpu - a.cpu || b.requestsPerSecond - a.requestsPerSecond || byName;
}
