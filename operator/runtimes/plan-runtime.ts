import { nodeAccountName } from "../../crds/wasm-replica/node-account.ts";
import type {
  ClusterRoleBinding,
  DaemonSet,
  NetworkPolicy,
  Node,
  Pod,
  RoleBinding,
  ServiceAccount,
} from "../../kube/resources.ts";
import {
  CLUSTER_ROLE_BINDINGS,
  DAEMON_SETS,
  NETWORK_POLICIES,
  ROLE_BINDINGS,
  SERVICE_ACCOUNTS,
} from "../../kube/resources.ts";
import { timed, type Finding } from "../apps/conditions.ts";
import { isPodReady } from "../apps/observe.ts";
import { holds, isEqual } from "../apps/writes.ts";
import { WASM_RUNTIMES, type WasmRuntime, type WasmRuntimeStatus } from "../objects.ts";
import type { Write } from "../writer.ts";
import { buildDaemonSet } from "./daemon-set.ts";
import {
  buildAccount,
  buildClusterRoleBinding,
  buildNetworkPolicy,
  buildNodeAccount,
  buildTokenRoleBinding,
  type PodSettings,
} from "./resources.ts";

/** Everything that a plan for a pool depends on. */
export interface ObservedRuntime {
  runtime: WasmRuntime;
  daemonSet: DaemonSet | undefined;
  /** ServiceAccounts of Wasmlet's namespace by name. */
  accounts: ReadonlyMap<string, ServiceAccount>;
  clusterRoleBinding: ClusterRoleBinding | undefined;
  tokenRoleBinding: RoleBinding | undefined;
  networkPolicy: NetworkPolicy | undefined;
  /** The pool's pods. */
  pods: readonly Pod[];
  /** The nodes that they are on. */
  nodes: readonly Node[];
  /** WasmApps that name the pool, and replicas on it. */
  apps: number;
  replicas: number;
  settings: PodSettings;
  nowMs: number;
}

/** Returns what to write for a pool: accounts and what they may do, then the pods, then the status. */
export function planRuntime(observed: ObservedRuntime): Write[] {
  const { runtime, daemonSet, accounts, clusterRoleBinding, tokenRoleBinding, networkPolicy, nodes, settings } =
    observed;
  if (runtime.metadata.deletionTimestamp !== undefined) return [];
  const { namespace } = settings;
  const account = buildAccount(runtime, namespace);
  const status = buildRuntimeStatus(observed);
  return [
    ...apply(SERVICE_ACCOUNTS, accounts.get(account.metadata.name), account),
    ...apply(CLUSTER_ROLE_BINDINGS, clusterRoleBinding, buildClusterRoleBinding(runtime, settings)),
    ...apply(ROLE_BINDINGS, tokenRoleBinding, buildTokenRoleBinding(runtime, settings)),
    ...nodes.flatMap((node) =>
      apply(SERVICE_ACCOUNTS, accounts.get(nodeAccountName(node.metadata.name)), buildNodeAccount(node, namespace)),
    ),
    ...apply(NETWORK_POLICIES, networkPolicy, buildNetworkPolicy(runtime, namespace)),
    ...apply(DAEMON_SETS, daemonSet, buildDaemonSet(runtime, settings)),
    ...(isEqual(runtime.status, status) ? [] : [statusWrite(runtime, status)]),
  ];
}

function apply<T extends Write["object"]>(
  resource: { plural: string } & Write["resource"],
  observed: T | undefined,
  desired: T,
): Write[] {
  return observed !== undefined && holds(observed, desired) ? [] : [{ kind: "apply", resource, object: desired }];
}

function statusWrite(runtime: WasmRuntime, status: WasmRuntimeStatus): Write {
  return { kind: "status", resource: WASM_RUNTIMES, object: { ...runtime, status } as WasmRuntime };
}

function buildRuntimeStatus({ runtime, daemonSet, pods, apps, replicas, nowMs }: ObservedRuntime): WasmRuntimeStatus {
  const { generation } = runtime.metadata;
  const readyNodes = new Set(pods.filter(isPodReady).map(({ spec }) => spec?.nodeName)).size;
  const wanted = daemonSet?.status?.desiredNumberScheduled ?? 0;
  const isObserved = daemonSet?.status?.observedGeneration === daemonSet?.metadata.generation;
  const isUpdated = isObserved && (daemonSet?.status?.updatedNumberScheduled ?? 0) >= wanted;
  const isReady = daemonSet !== undefined && wanted > 0 && readyNodes >= wanted;
  const sick = pods.find((pod) => !isPodReady(pod));
  const of = `${readyNodes} of ${wanted} nodes`;
  const findings: Finding[] = [
    isReady
      ? { type: "Ready", status: "True", reason: "Ready", message: `${of} take apps` }
      : { type: "Ready", status: "False", ...whyNotReady(wanted, of, sick) },
    isUpdated
      ? { type: "Progressing", status: "False", reason: "UpToDate", message: "every pod runs the current version" }
      : { type: "Progressing", status: "True", reason: "RollingOut", message: "pods are replaced one after another" },
  ];
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: timed(findings, runtime.status?.conditions, generation, nowMs),
    nodes: wanted,
    readyNodes,
    apps,
    replicas,
  };
}

function whyNotReady(wanted: number, of: string, sick: Pod | undefined): Pick<Finding, "reason" | "message"> {
  if (wanted === 0) {
    const message =
      "no node is in the pool: spec.nodeSelector selects none, or their taints are not in spec.tolerations";
    return { reason: "NoNodes", message };
  }
  const waiting = sick?.status?.containerStatuses?.[0]?.state?.waiting;
  const why = waiting?.reason === undefined ? "" : `; the pod ${sick?.metadata.name ?? ""} waits: ${waiting.reason}`;
  return { reason: "PodsNotReady", message: `${of} take apps${why}` };
}
