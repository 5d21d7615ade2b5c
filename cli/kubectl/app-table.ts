import { conditionOf } from "./apps.ts";
import { formatAge } from "./age.ts";
import { formatTable } from "../table.ts";
import type { WasmAppObject, WasmReplica } from "../../operator/objects.ts";

/* What `kubectl wasmlet get` prints: a line per app, or a line per node. */

/** How a table is printed. */
export interface TableOptions {
  isWide: boolean;
  /** Whether a column says which namespace. */
  hasNamespace: boolean;
  nowMs: number;
}

/** Names of nodes in a cell; the rest is counted. */
const MAX_NODES = 3;

/** Returns a line per app; its nodes are those that it is placed on. */
export function formatApps(
  apps: readonly WasmAppObject[],
  replicas: readonly WasmReplica[],
  { isWide, hasNamespace, nowMs }: TableOptions,
): string {
  const nodes = Map.groupBy(replicas, ({ metadata, spec }) => `${metadata.namespace ?? ""}/${spec.appName}`);
  const head = ["APP", "READY", "REPLICAS", "REVISION", "NODES", "URL", "START-P50", "AGE", "REASON"];
  const rows = apps.map((app) => {
    const { metadata, status = {} } = app;
    const { namespace = "", name, creationTimestamp } = metadata;
    const placed = (nodes.get(`${namespace}/${name}`) ?? []).map(({ spec }) => spec.nodeName);
    const row = [
      name,
      conditionOf(app, "Ready")?.status ?? "Unknown",
      status.ready ?? "",
      status.revision ?? "",
      isWide ? placed.toSorted().join(",") : shorten(placed),
      status.url ?? "",
      status.startP50 ?? "",
      formatAge(creationTimestamp, nowMs),
      reasonOf(app),
    ];
    return [...(hasNamespace ? [namespace] : []), ...row, ...(isWide ? [imageOf(app), messageOf(app)] : [])];
  });
  return formatTable([...(hasNamespace ? ["NAMESPACE"] : []), ...head, ...(isWide ? ["IMAGE", "MESSAGE"] : [])], rows);
}

/** Returns a line per node of an app, or of several. */
export function formatReplicas(
  replicas: readonly WasmReplica[],
  { hasApp, isWide, nowMs }: { hasApp: boolean; isWide: boolean; nowMs: number },
): string {
  const head = ["NODE", "STATE", "REVISION", "ADDRESS", "START", "START-P50", "RESTARTS", "AGE", "REASON"];
  const wide = ["POD", "ENGINE", "EXIT-CODE", "MESSAGE"];
  const rows = replicas.map(({ metadata, spec, status }) => {
    const { state = "Pending", podIP, podName = "", startPhases, startP50 = "", restarts = 0 } = status ?? {};
    const row = [
      spec.nodeName,
      state,
      revisionOf(spec.revision, status?.revision),
      podIP === undefined ? "" : addressOf(podIP, spec.port),
      phasesOf(startPhases),
      startP50,
      String(restarts),
      formatAge(metadata.creationTimestamp, nowMs),
      status?.reason ?? "",
    ];
    const exitCode = status?.exitCode === undefined ? "" : String(status.exitCode);
    const more = [podName, status?.engine ?? "", exitCode, status?.message ?? ""];
    return [...(hasApp ? [spec.appName] : []), ...row, ...(isWide ? more : [])];
  });
  return formatTable([...(hasApp ? ["APP"] : []), ...head, ...(isWide ? wide : [])], rows);
}

/** What is wrong counts more than what is well, and that more than what is under way. */
function reasonOf(app: WasmAppObject): string {
  const [ready, degraded, progressing] = ["Ready", "Degraded", "Progressing"].map((type) => conditionOf(app, type));
  if (degraded?.status === "True") return degraded.reason;
  if (progressing?.status === "True") return progressing.reason;
  return ready?.reason ?? "NotObserved";
}

function messageOf(app: WasmAppObject): string {
  const degraded = conditionOf(app, "Degraded");
  return (degraded?.status === "True" ? degraded : conditionOf(app, "Ready"))?.message ?? "";
}

/** Returns what an app runs: the image with its digest, or where else its program comes from. */
function imageOf({ spec, status }: WasmAppObject): string {
  const { oci, http, configMap } = spec.source;
  return status?.image ?? oci?.image ?? http?.url ?? (configMap === undefined ? "" : `configmap/${configMap.name}`);
}

function shorten(nodes: readonly string[]): string {
  const sorted = nodes.toSorted();
  const [shown, others] = [sorted.slice(0, MAX_NODES), sorted.length - MAX_NODES];
  return [shown.join(","), ...(others > 0 ? [`+${others}`] : [])].join(" ");
}

/** Where another revision runs than is wanted, both are told. */
function revisionOf(wanted: string, running: string | undefined): string {
  return running === undefined || running === wanted ? wanted : `${running}→${wanted}`;
}

function addressOf(ip: string, port: number | undefined): string {
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return port === undefined ? ip : `${host}:${port}`;
}

function phasesOf(phases: Readonly<Record<string, string>> = {}): string {
  return Object.entries(phases)
    .map(([phase, time]) => `${phase}=${time}`)
    .join(",");
}
