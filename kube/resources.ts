import type {
  EventsV1Event,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1ControllerRevision,
  V1CronJob,
  V1DaemonSet,
  V1EndpointSlice,
  V1Job,
  V1Lease,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1Pod,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from "@kubernetes/client-node";
import type { KubeObject, ObjectLike, ObjectRef } from "./objects.ts";

/** Where a kind of object lives in the API, and of which type its objects are. */
export interface Resource<T extends KubeObject> {
  /** `v1`, or `group/version`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** `metadata` where objects come without anything else: cheap, and contents of Secrets stay where they are. */
  readonly view?: "whole" | "metadata";
  /** Never there: it carries the type. */
  readonly object?: T;
}

export type Pod = ObjectLike<V1Pod>;
export type Node = ObjectLike<V1Node>;
export type Service = ObjectLike<V1Service>;
export type SecretObject = ObjectLike<V1Secret>;
export type ConfigMap = ObjectLike<V1ConfigMap>;
export type ServiceAccount = ObjectLike<V1ServiceAccount>;
export type Namespace = ObjectLike<V1Namespace>;
export type DaemonSet = ObjectLike<V1DaemonSet>;
export type ControllerRevision = ObjectLike<V1ControllerRevision>;
export type EndpointSlice = ObjectLike<V1EndpointSlice>;
export type Job = ObjectLike<V1Job>;
export type CronJob = ObjectLike<V1CronJob>;
export type Lease = ObjectLike<V1Lease>;
export type Event = ObjectLike<EventsV1Event>;
export type Role = ObjectLike<V1Role>;
export type RoleBinding = ObjectLike<V1RoleBinding>;
export type ClusterRoleBinding = ObjectLike<V1ClusterRoleBinding>;
export type NetworkPolicy = ObjectLike<V1NetworkPolicy>;

/** Returns the descriptor of a kind whose objects live in namespaces. */
export function namespaced<T extends KubeObject>(apiVersion: string, kind: string, plural: string): Resource<T> {
  return { apiVersion, kind, plural, isNamespaced: true };
}

/** Returns the descriptor of a kind whose objects belong to the cluster. */
export function clusterWide<T extends KubeObject>(apiVersion: string, kind: string, plural: string): Resource<T> {
  return { apiVersion, kind, plural, isNamespaced: false };
}

/** Returns the same kind with objects that hold their metadata alone. */
export function metadataOf({ apiVersion, kind, plural, isNamespaced }: Resource<KubeObject>): Resource<KubeObject> {
  return { apiVersion, kind, plural, isNamespaced, view: "metadata" };
}

export const PODS = namespaced<Pod>("v1", "Pod", "pods");
export const NODES = clusterWide<Node>("v1", "Node", "nodes");
export const SERVICES = namespaced<Service>("v1", "Service", "services");
export const SECRETS = namespaced<SecretObject>("v1", "Secret", "secrets");
export const CONFIG_MAPS = namespaced<ConfigMap>("v1", "ConfigMap", "configmaps");
export const SERVICE_ACCOUNTS = namespaced<ServiceAccount>("v1", "ServiceAccount", "serviceaccounts");
export const NAMESPACES = clusterWide<Namespace>("v1", "Namespace", "namespaces");
export const DAEMON_SETS = namespaced<DaemonSet>("apps/v1", "DaemonSet", "daemonsets");
export const CONTROLLER_REVISIONS = namespaced<ControllerRevision>(
  "apps/v1",
  "ControllerRevision",
  "controllerrevisions",
);
export const ENDPOINT_SLICES = namespaced<EndpointSlice>("discovery.k8s.io/v1", "EndpointSlice", "endpointslices");
export const LEASES = namespaced<Lease>("coordination.k8s.io/v1", "Lease", "leases");
export const JOBS = namespaced<Job>("batch/v1", "Job", "jobs");
export const CRON_JOBS = namespaced<CronJob>("batch/v1", "CronJob", "cronjobs");
export const EVENTS = namespaced<Event>("events.k8s.io/v1", "Event", "events");
export const ROLES = namespaced<Role>("rbac.authorization.k8s.io/v1", "Role", "roles");
export const ROLE_BINDINGS = namespaced<RoleBinding>("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings");
export const CLUSTER_ROLE_BINDINGS = clusterWide<ClusterRoleBinding>(
  "rbac.authorization.k8s.io/v1",
  "ClusterRoleBinding",
  "clusterrolebindings",
);
export const NETWORK_POLICIES = namespaced<NetworkPolicy>("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies");

/** Returns the path of a kind, of one namespace of it, of one object or of a subresource of that. */
export function pathOf(
  { apiVersion, plural, isNamespaced }: Resource<KubeObject>,
  { namespace, name, subresource }: Partial<ObjectRef> & { subresource?: string | undefined } = {},
): string {
  if (name !== undefined && isNamespaced !== (namespace !== undefined)) {
    throw new TypeError(`${plural} ${isNamespaced ? "live in namespaces" : "belong to the cluster"}: ${name}`);
  }
  const parts = [apiVersion.includes("/") ? "apis" : "api", ...apiVersion.split("/")];
  if (namespace !== undefined) parts.push("namespaces", namespace);
  parts.push(plural);
  if (name !== undefined) parts.push(name);
  if (subresource !== undefined) parts.push(subresource);
  const bad = parts.find((part) => part === "" || part === "." || part === "..");
  if (bad !== undefined) throw new TypeError(`${plural}: "${bad}" can't be part of a path`);
  return `/${parts.map(encodeURIComponent).join("/")}`;
}
