import { nodeAccountName } from "../../crds/wasm-replica/node-account.ts";
import { controllerReference, type KubeObject, type ObjectMeta } from "../../kube/objects.ts";
import type { ClusterRoleBinding, NetworkPolicy, Node, RoleBinding, ServiceAccount } from "../../kube/resources.ts";
import { namespaced } from "../../kube/resources.ts";
import { RUNTIME_LABEL } from "../cluster-state.ts";
import { MANAGED_BY, type WasmRuntime } from "../objects.ts";

/* A pool's accounts, what they may do, and who may reach its pods. */

/** A PodMonitor of the Prometheus Operator, as far as pools have one. */
export type PodMonitor = KubeObject & {
  spec: {
    selector: object;
    podMetricsEndpoints: {
      port: string;
      path?: string;
      interval?: string;
      honorLabels?: boolean;
      relabelings?: { action: "replace"; sourceLabels: string[]; targetLabel: string }[];
    }[];
  };
};

/** Where PodMonitors live; clusters without the Prometheus Operator have none. */
export const POD_MONITORS = namespaced<PodMonitor>("monitoring.coreos.com/v1", "PodMonitor", "podmonitors");

/** Gives every target the name of its node; the action is what the API server would put in. */
const NODE_RELABELING = {
  action: "replace" as const,
  sourceLabels: ["__meta_kubernetes_pod_node_name"],
  targetLabel: "node",
};

/** What all pools' pods have in common. */
export interface PodSettings {
  namespace: string;
  image: string;
  imagePullPolicy?: string | undefined;
  imagePullSecrets: readonly string[];
  /** How the Prometheus Operator is told to scrape the pods; left out, it is not told. */
  podMonitors?: PodMonitorSettings | undefined;
}

/** What the PodMonitors of pools have in common. */
export interface PodMonitorSettings {
  labels: Readonly<Record<string, string>>;
  /** How often, as `30s`; left out, as Prometheus does by itself. */
  interval?: string | undefined;
}

/** The ClusterRole that lets pods watch and report, and the Role for tokens of nodes' accounts; the chart has both. */
const NODE_ROLE = "wasmlet-node";

/** Port of metrics, health and the list of apps. */
export const MANAGEMENT_PORT = 9464;

/** Returns the name of a pool's objects in Wasmlet's namespace, and of its ServiceAccount. */
export function runtimeObjectName({ metadata }: WasmRuntime): string {
  return `wasmlet-runtime-${metadata.name}`;
}

/** Returns the labels of a pool's objects. */
export function runtimeLabels({ metadata }: WasmRuntime): Record<string, string> {
  return {
    [RUNTIME_LABEL]: metadata.name,
    "app.kubernetes.io/name": "wasmlet",
    "app.kubernetes.io/component": "runtime",
    "app.kubernetes.io/managed-by": MANAGED_BY,
  };
}

/** Returns metadata of an object that goes with its pool. */
export function metadataOf(runtime: WasmRuntime, namespace?: string): ObjectMeta {
  return {
    name: runtimeObjectName(runtime),
    ...(namespace !== undefined && { namespace }),
    labels: runtimeLabels(runtime),
    ownerReferences: [controllerReference(runtime)],
  };
}

/** Returns the account of a pool's pods. */
export function buildAccount(runtime: WasmRuntime, namespace: string): ServiceAccount {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: metadataOf(runtime, namespace) };
}

/** Returns the account that may read what the apps on one node refer to; it goes with the node. */
export function buildNodeAccount(node: Node, namespace: string): ServiceAccount {
  const {
    controller: _controller,
    blockOwnerDeletion: _block,
    ...owner
  } = controllerReference({
    ...(node as KubeObject),
    apiVersion: "v1",
    kind: "Node",
  });
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: {
      name: nodeAccountName(node.metadata.name),
      namespace,
      labels: { "app.kubernetes.io/managed-by": MANAGED_BY },
      ownerReferences: [owner],
    },
    automountServiceAccountToken: false,
  };
}

/** Returns what lets a pool's pods watch replicas and report on them. */
export function buildClusterRoleBinding(runtime: WasmRuntime, { namespace }: PodSettings): ClusterRoleBinding {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: metadataOf(runtime),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NODE_ROLE },
    subjects: [{ kind: "ServiceAccount", name: runtimeObjectName(runtime), namespace }],
  };
}

/** Returns what lets a pool's pods ask for the token of a node's account; which node is the admission policy's to say. */
export function buildTokenRoleBinding(runtime: WasmRuntime, { namespace }: PodSettings): RoleBinding {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: metadataOf(runtime, namespace),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: NODE_ROLE },
    subjects: [{ kind: "ServiceAccount", name: runtimeObjectName(runtime), namespace }],
  };
}

/** Returns who may reach a pool's pods: anybody at the ports of apps and at the metrics, nobody elsewhere. */
export function buildNetworkPolicy(runtime: WasmRuntime, namespace: string): NetworkPolicy {
  const { first, last } = runtime.spec.ports;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(runtime, namespace),
    spec: {
      podSelector: { matchLabels: { [RUNTIME_LABEL]: runtime.metadata.name } },
      policyTypes: ["Ingress"],
      ingress: [
        { ports: [{ protocol: "TCP", port: first, endPort: last }] },
        { ports: [{ protocol: "TCP", port: MANAGEMENT_PORT }] },
      ],
    },
  };
}

/** Returns what tells the Prometheus Operator to scrape a pool's pods. */
export function buildPodMonitor(
  runtime: WasmRuntime,
  namespace: string,
  { labels, interval }: PodMonitorSettings,
): PodMonitor {
  const metadata = metadataOf(runtime, namespace);
  const endpoint = {
    port: "management",
    // `namespace` is the app's, and not renamed for the namespace of the pod.
    honorLabels: true,
    relabelings: [NODE_RELABELING],
    ...(interval !== undefined && { interval }),
  };
  return {
    apiVersion: POD_MONITORS.apiVersion,
    kind: POD_MONITORS.kind,
    metadata: { ...metadata, labels: { ...labels, ...metadata.labels } },
    spec: {
      selector: { matchLabels: { [RUNTIME_LABEL]: runtime.metadata.name } },
      podMetricsEndpoints: [endpoint],
    },
  };
}
