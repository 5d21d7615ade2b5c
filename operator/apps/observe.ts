import { keyOf, type KubeObject } from "../../kube/objects.ts";
import type { Node, Pod } from "../../kube/resources.ts";
import { RUNTIME_LABEL, runtimeNameOf, seatOf, type ClusterState } from "../cluster-state.ts";
import type { WasmAppObject, WasmReplica } from "../objects.ts";
import type { Ports } from "../ports.ts";
import type { ObservedApp, PoolView, Resolution, RuntimeNode, RuntimePod } from "./observed.ts";
import { isOwn } from "./ownership.ts";
import { roleNameOf } from "./resources.ts";

/** What an observation takes from beside the cluster's state. */
export interface ObservationContext {
  state: ClusterState;
  ports: Ports;
  isGone: (podName: string) => boolean;
  resolutionOf: (app: WasmAppObject, revision: string) => Resolution | undefined;
  systemNamespace: string;
  nowMs: number;
}

/** Returns everything that a plan for an app depends on, as it is known now. */
export function observeApp(app: WasmAppObject, context: ObservationContext): ObservedApp {
  const { state, ports, isGone, resolutionOf, systemNamespace, nowMs } = context;
  const { namespace, name } = app.metadata;
  const key = keyOf(app.metadata);
  const runtimeName = runtimeNameOf(app);
  const role = { namespace, name: roleNameOf(app) };
  const replicas = state.replicas.by("app", key);
  const own = replicas.filter((replica) => isOwn(app, replica));
  const former = new Set(own.map(({ spec }) => spec.runtimeName).filter((pool) => pool !== runtimeName));
  const isLeftover = (object: KubeObject): boolean =>
    !isOwn(app, object) &&
    object.metadata.ownerReferences?.some((owner) => owner.kind === app.kind && owner.name === name) === true;
  const service = state.services.get({ namespace, name });
  const httpRoute = state.httpRoutes.store.get({ namespace, name });
  return {
    app,
    ...viewOf(state, runtimeName, own, nowMs),
    formerPools: [...former].toSorted().map((pool) => viewOf(state, pool, own, nowMs)),
    runtimeNames: [...state.runtimes.keys()].toSorted(),
    isGone,
    hasLeftovers: [...replicas, service, httpRoute].some((object) => object !== undefined && isLeftover(object)),
    replicasVersion: state.replicas.version,
    podsVersion: state.pods.version,
    service,
    httpRoute,
    gatewayApiAbsence: state.httpRoutes.absence,
    slices: state.slices.by("app", key).filter((slice) => isOwn(app, slice)),
    role: state.roles.get(role),
    roleBinding: state.roleBindings.get(role),
    revisions: state.revisions.by("app", key).filter((revision) => isOwn(app, revision)),
    versionOf: ({ kind, name: object }) =>
      (kind === "Secret" ? state.secrets : state.configMaps).get({ namespace, name: object })?.metadata.resourceVersion,
    resolution: (revision) => resolutionOf(app, revision),
    portFor: (range, recorded) => ports.assign(runtimeName, key, range, recorded),
    systemNamespace,
    nowMs,
  };
}

/** Returns what an app has in a pool. Of a pool that is gone, the nodes are those on which the app is left. */
function viewOf(state: ClusterState, pool: string, own: readonly WasmReplica[], nowMs: number): PoolView {
  const runtime = state.runtimes.get(pool);
  const replicas = own.filter(({ spec }) => spec.runtimeName === pool);
  const selector = Object.entries(runtime?.spec.nodeSelector ?? {});
  const nodes = [...state.nodes.values()]
    .filter(({ metadata: { name, labels = {} } }) =>
      runtime === undefined
        ? replicas.some(({ spec }) => spec.nodeName === name)
        : selector.every(([key, value]) => labels[key] === value),
    )
    .map((node) => runtimeNodeOf(state, node, pool, nowMs));
  return { runtime, nodes, pods: new Map(podsOf(state, pool).map((pod) => [pod.name, pod])), replicas };
}

function runtimeNodeOf(state: ClusterState, node: Node, runtimeName: string, nowMs: number): RuntimeNode {
  const { name, labels = {} } = node.metadata;
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const isReady = ready?.status === "True";
  const changedMs = Date.parse(ready?.lastTransitionTime ?? "");
  const pods = state.pods.by("node", name).filter(({ metadata }) => metadata.labels?.[RUNTIME_LABEL] === runtimeName);
  return {
    name,
    labels,
    isReady,
    ...(isReady && !Number.isNaN(changedMs) && { readySinceMs: changedMs }),
    ...(!isReady && { unreadySinceMs: Number.isNaN(changedMs) ? nowMs : changedMs }),
    isCordoned: node.spec?.unschedulable === true,
    takesApps: pods.some((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined),
    // Counted when somebody asks: most apps are placed already.
    get replicas() {
      return state.replicas.by("seat", seatOf(runtimeName, name)).length;
    },
  };
}

/** Returns the pods of a pool that have an address and a node. */
function podsOf(state: ClusterState, runtimeName: string): RuntimePod[] {
  return [...state.pods.values()].flatMap((pod): RuntimePod[] => {
    const { name, namespace = "", uid = "", labels, deletionTimestamp, resourceVersion: version } = pod.metadata;
    const ip = pod.status?.podIP;
    const nodeName = pod.spec?.nodeName;
    if (labels?.[RUNTIME_LABEL] !== runtimeName || ip === undefined || nodeName === undefined) return [];
    const isTerminating = deletionTimestamp !== undefined;
    const states = { isReady: isPodReady(pod), isTerminating, isRunning: isPodRunning(pod) };
    return [{ namespace, name, uid, ip, nodeName, version, ...states }];
  });
}

/** Returns whether a process of a pod may run, as far as its node has told. */
export function isPodRunning({ status }: Pod): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return false;
  const [container] = status?.containerStatuses ?? [];
  return container?.state?.waiting === undefined && container?.state?.terminated === undefined;
}

/**
 * Returns whether a pod is ready by its own word. Its condition `Ready` would not do: the node controller takes that away
 * from all pods of a node that it has not heard of, which is looked at by itself, and the kubelet gives it back late.
 */
export function isPodReady({ status }: Pod): boolean {
  return status?.conditions?.find(({ type }) => type === "ContainersReady")?.status === "True";
}
