import type { ControllerRevision, EndpointSlice, Role, RoleBinding, Service } from "../../kube/resources.ts";
import type { WasmAppObject, WasmReplica, WasmRuntime } from "../objects.ts";
import type { Absence } from "../optional-watch.ts";
import type { PortRange } from "../ports.ts";
import type { HttpRoute } from "./http-route.ts";
import type { Reference } from "./references.ts";

/** A node of a pool as placement sees it. */
export interface RuntimeNode {
  name: string;
  labels: Readonly<Record<string, string>>;
  /** Whether its kubelet reports it ready. */
  isReady: boolean;
  /** When it stopped being so, in milliseconds. */
  unreadySinceMs?: number;
  /** Since when it reports that, in milliseconds. */
  readySinceMs?: number;
  isCordoned: boolean;
  /** Whether its pod takes new apps: it is ready and not about to end. */
  takesApps: boolean;
  /** Replicas that it has, of all apps. */
  replicas: number;
}

/** A pod of a node runtime, as endpoints lead to it. */
export interface RuntimePod {
  namespace: string;
  name: string;
  uid: string;
  ip: string;
  nodeName: string;
  isReady: boolean;
  isTerminating: boolean;
  /** As it is known here: its resourceVersion. */
  version: string | undefined;
  /** Whether a process of it may run: neither waits its container to be started, nor has it ended. */
  isRunning: boolean;
}

/** What became of looking up where a tag leads. */
export type Resolution = { image: string } | { failure: { code: string; message: string; isTransient: boolean } };

/** What an app has in a pool. */
export interface PoolView {
  /** Undefined where there is no such pool, or no more. */
  runtime: WasmRuntime | undefined;
  /** The pool's nodes, those that are gone left out. */
  nodes: readonly RuntimeNode[];
  /** Its pods by name. */
  pods: ReadonlyMap<string, RuntimePod>;
  /** The app's own replicas in it. */
  replicas: readonly WasmReplica[];
}

/** Everything that a plan for an app depends on; as a pool, the one that the app names. */
export interface ObservedApp extends PoolView {
  app: WasmAppObject;
  /** Other pools in which the app still has replicas: those that it leaves. */
  formerPools: readonly PoolView[];
  /** Names of the pools that there are, for the message when that one is not there. */
  runtimeNames: readonly string[];
  /** Whether a pod that a replica names was there and is gone: it reports no more. */
  isGone: (podName: string) => boolean;
  /** Whether objects of an earlier app of the same name are still there. */
  hasLeftovers: boolean;
  /** The version up to which everything is known of replicas. */
  replicasVersion: string | undefined;
  /** The same of pods. */
  podsVersion: string | undefined;
  /** What is there under the names that the app's objects have; it may belong to somebody else. */
  service: Service | undefined;
  httpRoute: HttpRoute | undefined;
  slices: readonly EndpointSlice[];
  role: Role | undefined;
  roleBinding: RoleBinding | undefined;
  revisions: readonly ControllerRevision[];
  /** Why there can be no HTTPRoutes; undefined where the cluster has the Gateway API. */
  gatewayApiAbsence: Absence | undefined;
  /** Returns the version of a Secret or ConfigMap of the app's namespace; undefined where there is none. */
  versionOf: (reference: Reference) => string | undefined;
  /** Returns what is known of where the app's image leads; undefined before it was looked up. */
  resolution: (revision: string) => Resolution | undefined;
  /** Returns the port that was recorded if it is the app's, else a free one of the pool; undefined when none is left. */
  portFor: (range: PortRange, recorded: number | undefined) => number | undefined;
  /** Namespace of the runtimes' pods and ServiceAccounts. */
  systemNamespace: string;
  nowMs: number;
}
