import type { ObjectMeta } from "../../kube/objects.ts";
import type { EndpointSlice } from "../../kube/resources.ts";
import type { WasmAppObject, WasmReplica } from "../objects.ts";
import type { PoolView, RuntimeNode } from "./observed.ts";
import { isListening } from "./replica-state.ts";
import { metadataOf } from "./resources.ts";

/* The endpoints of an app: the pods of node runtimes in which it serves, at the app's own port. */

/** As many as Kubernetes puts into one slice by itself. */
const MAX_ENDPOINTS = 100;
/** Who manages the slice: Kubernetes' own controllers leave it alone. */
const MANAGED_BY = "wasmlet.dev";

/** With so many of a pool's nodes unready at once, it is the control plane that was away: Kubernetes' own threshold. */
const DISRUPTED_SHARE = 0.55;

/** Kubelets tell of themselves every ten seconds, each at its own time. */
const RECOVERY_MS = 30_000;

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

/** Returns the endpoints of an app in a pool: of each replica that serves in a pod that is there, the pod's address. */
export function endpointsOf(
  { nodes, pods }: Pick<PoolView, "nodes" | "pods">,
  replicas: readonly WasmReplica[],
  nowMs: number,
): Endpoint[] {
  const found: Endpoint[] = [];
  const isDisrupted = isMostlyUnready(nodes, nowMs);
  const ready = new Set(nodes.filter(({ isReady }) => isReady).map(({ name }) => name));
  for (const replica of replicas) {
    const { podName, podIP } = replica.status ?? {};
    const pod = podName === undefined ? undefined : pods.get(podName);
    // An address may have passed to another pod, and a pod of that name to another node.
    if (!isListening(replica) || pod === undefined || pod.ip !== podIP) continue;
    if (pod.nodeName !== replica.spec.nodeName) continue;
    const isReachable = pod.isReady && (isDisrupted || ready.has(pod.nodeName));
    found.push({
      addresses: [pod.ip],
      conditions: {
        ready: isReachable && !pod.isTerminating,
        serving: isReachable,
        terminating: pod.isTerminating,
      },
      nodeName: pod.nodeName,
      targetRef: { kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid },
    });
  }
  return found.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * Nodes that are heard of again after the API server was away are unready for a moment, all of them, and are heard of one after
 * another: those that are ready again since a moment count among them. Their apps serve on: to take them out of service would
 * make an outage of nothing.
 */
function isMostlyUnready(nodes: readonly RuntimeNode[], nowMs: number): boolean {
  const unready = nodes.filter((node) => !node.isReady || isRecovering(node, nowMs)).length;
  return nodes.length > 0 && unready >= nodes.length * DISRUPTED_SHARE;
}

function isRecovering({ readySinceMs }: RuntimeNode, nowMs: number): boolean {
  return readySinceMs !== undefined && nowMs - readySinceMs < RECOVERY_MS;
}

/** Returns when nodes that are ready since a moment count as such beside others that are not; undefined where there are none. */
export function recoveryMs(nodes: readonly RuntimeNode[], nowMs: number): number | undefined {
  if (nodes.every(({ isReady }) => isReady)) return undefined;
  const recovering = nodes.filter((node) => isRecovering(node, nowMs));
  if (recovering.length === 0) return undefined;
  return RECOVERY_MS - Math.min(...recovering.map(({ readySinceMs }) => nowMs - readySinceMs!));
}

/**
 * Returns the slices that hold these endpoints, by their port; one that is in a slice already stays there, so that few slices
 * change. An app has several ports only while it moves to another pool.
 */
export function buildEndpointSlices(
  app: WasmAppObject,
  endpoints: ReadonlyMap<number, readonly Endpoint[]>,
  existing: readonly EndpointSlice[],
  annotations: Record<string, string> = {},
): EndpointSlice[] {
  const portOf = ({ ports }: EndpointSlice): number => {
    const port = ports?.[0]?.port ?? 0;
    return endpoints.has(port) ? port : [...endpoints.keys()][0]!;
  };
  const taken = new Set(existing.map(({ metadata }) => metadata.name));
  return [...endpoints].flatMap(([port, held]) => {
    const own = existing.filter((slice) => portOf(slice) === port && slice.addressType === familyOf(held[0]));
    const slices = distribute(app.metadata.name, held, own, taken);
    return [...slices]
      .filter(([, part]) => part.length > 0)
      .map(([name, part]) => buildSlice({ ...metadataOf(app, name), annotations }, app.metadata.name, part, port));
  });
}

/** Returns endpoints by the names of the slices that are to hold them; names that are new are taken. */
function distribute(
  app: string,
  endpoints: readonly Endpoint[],
  existing: readonly EndpointSlice[],
  taken: Set<string>,
): Map<string, Endpoint[]> {
  const slices = new Map<string, Endpoint[]>();
  const waiting = new Map(endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  for (const { metadata, endpoints: before } of existing) {
    const kept = (before ?? []).flatMap((endpoint) => {
      const now = waiting.get(nameOf(endpoint));
      waiting.delete(nameOf(endpoint));
      return now === undefined ? [] : [now];
    });
    slices.set(metadata.name, kept);
  }
  const rest = [...waiting.values()];
  for (const held of slices.values()) held.push(...rest.splice(0, MAX_ENDPOINTS - held.length));
  for (let index = 0; rest.length > 0; index++) {
    const name = `${app}-wasmlet-${index}`;
    if (taken.has(name)) continue;
    taken.add(name);
    slices.set(name, rest.splice(0, MAX_ENDPOINTS));
  }
  return slices;
}

function buildSlice(metadata: ObjectMeta, service: string, endpoints: Endpoint[], port: number): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...metadata,
      labels: {
        ...metadata.labels,
        "kubernetes.io/service-name": service,
        "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
      },
    },
    addressType: familyOf(endpoints[0]),
    endpoints: endpoints.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    ports: [{ name: "http", protocol: "TCP", port, appProtocol: "http" }],
  };
}

function familyOf(endpoint: Endpoint | undefined): "IPv4" | "IPv6" {
  return endpoint?.addresses[0]?.includes(":") === true ? "IPv6" : "IPv4";
}

function nameOf({ targetRef, addresses }: Endpoint): string {
  return targetRef?.name ?? addresses[0] ?? "";
}
