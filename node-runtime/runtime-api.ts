import type { WasmletError } from "../common/errors.ts";
import type { RegistrySettings } from "./artifacts/oci-artifacts.ts";

export type { RegistrySettings };

/** Where an app stands on this node. */
export const APP_STATES = [
  "Pending",
  "Preparing",
  "Starting",
  "Ready",
  "Running",
  "Completed",
  "BackOff",
  "Failed",
] as const;

export type AppState = (typeof APP_STATES)[number];

/** A condition as Kubernetes knows them. */
export interface AppCondition {
  /**
   * `ManifestValid` is there once a manifest of a running app had a mistake: the app then runs as it said before.
   * `LimitsHit` is there once a limit stopped something of the app, `Quarantined` once the app ended cells repeatedly: it
   * is kept alone.
   */
  type: "Prepared" | "Loaded" | "Ready" | "ManifestValid" | "LimitsHit" | "Quarantined";
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
}

/** What `/v1/apps` and `wasmlet get apps` say of one app. */
export interface AppView {
  namespace: string;
  name: string;
  kind: "http" | "command";
  state: AppState;
  /** Why it is not ready: an error code or a state's reason, in CamelCase or `AREA_PROBLEM`. */
  reason?: string;
  message?: string;
  urls: string[];
  engine?: string;
  /** Why a component runs on the general engine. */
  engineReason?: string;
  digest?: string;
  /** The version that runs, where versions have names; another than was asked for while that is not ready. */
  revision?: string;
  conditions: AppCondition[];
  /** Seconds that each phase of the latest cold start took: fetch, verify, prepare, compile, instantiate, first_response. */
  startPhases: Record<string, number>;
  /** Median seconds of the latest cold starts: from the request that woke the app (a command: its start) to the answer. */
  startP50Seconds?: number;
  restarts: number;
  /** The last exit code of a command. */
  exitCode?: number;
  instances: number;
}

/** How a node runtime over a folder is started. */
export interface RuntimeOptions extends SupervisorOptions {
  /** The folder of manifests, or one manifest file. */
  folder: string;
  /** Which manifests of the folder are served; all unless given. */
  isTaken?: (file: string) => boolean;
}

/** How a node runtime is started, wherever it has its apps from. */
export interface SupervisorOptions {
  /** The address that apps listen on. */
  host: string;
  /** Apps without a port of their own get the free ones from here upwards. */
  firstPort: number;
  managementHost: string;
  /** 0 takes any free port. */
  managementPort: number;
  cacheDirectory: string;
  /** Bytes of artifacts that are kept there; 4 GiB unless given. */
  cacheMaxBytes?: number;
  /** Where apps' volumes are laid out, when not there: runtimes that share a cache may run the same apps. */
  volumesDirectory?: string | undefined;
  /** Where volumes with secrets are laid out, when not with the others. */
  secretVolumesDirectory?: string | undefined;
  /** What preparing one artifact may take; 120 seconds and 1.5 GiB unless given. */
  prepareLimits?: { maxSeconds?: number; maxResidentBytes?: number };
  /** How registries are reached and what is run of them; its credentials are asked where an app's pull secrets have none. */
  registries?: RegistrySettings;
  /** Whether another runtime may serve the same apps on the same ports: ports are then not claimed. */
  sharesPorts?: boolean;
  /** Ports of the runtime whose place this one takes: it serves on them beside it, and runs no commands before it has ended. */
  inherited?: HeldPorts | undefined;
  /** Processes that share the http apps. */
  cells: number;
  /** Processes that stand by for one that dies, or for a group that is new; none unless given. */
  spareCells?: number;
  /** Whether apps of several namespaces may share a process, where they ask for it. */
  sharedCells?: boolean;
  /** Called for every line that a guest or the runtime logs. */
  log: RuntimeLog;
}

/** Where the runtime's own messages and its guests' lines go. */
export interface RuntimeLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A line that the guest of `app` printed. */
  guest(app: string, stream: "stdout" | "stderr", line: string): void;
}

/** A running node runtime. */
export interface Runtime {
  readonly managementUrl: string;
  apps(): AppView[];
  /** What is wrong with the folder's manifests now. */
  problems(): WasmletError[];
  /** Calls `listener` after every change of an app's state, with its `namespace/name` where it is one's; returns the undoing. */
  onChange(listener: (app?: string) => void): () => void;
  /** Drains: accepted requests are answered, then all processes end. `graceMs` later the rest is killed. */
  stop(graceMs: number): Promise<void>;
}

/** The ports of a runtime, for the one that takes its place. */
export interface HeldPorts {
  management: number;
  apps: HeldPort[];
}

/** The port of an http app. */
interface HeldPort {
  /** The app's `namespace/name`. */
  id: string;
  port: number;
  /** Whether it serves, and so must serve in the next runtime. */
  isReady: boolean;
}

/** A runtime whose ports may be handed over, to another process and from one. */
export interface SucceedingRuntime extends Runtime {
  /** Returns one app by its `namespace/name`. */
  app(id: string): AppView | undefined;
  heldPorts(): HeldPorts;
  /** Resolves when every app that was ready in the runtime before serves here. Throws RUNTIME_HAND_OVER when one will not. */
  untilServing(): Promise<void>;
  /** Claims the ports that the runtime before has let go of. */
  claimPorts(): Promise<void>;
  /** The runtime before has ended: commands run from now on. */
  startCommands(): void;
  /** Lets go of the claims, for the successor to take. */
  releasePorts(): void;
  /** Stops like `stop`, and leaves what its successor uses: volumes stay. */
  stepDown(graceMs: number): Promise<void>;
}

/** `wasmlet run`: one command, with the caller's own standard streams. */
export interface RunOptions {
  /** A path; or a reference, where `registries` say how it is pulled. */
  file: string;
  registries?: RegistrySettings;
  args: string[];
  env: [name: string, value: string][];
  preopens: { guestPath: string; hostPath: string; writable: boolean }[];
  allowedOutboundHosts: string[];
  maxMemoryBytes: number;
  cacheDirectory: string;
  /** Bytes of artifacts that are kept there; 4 GiB unless given. */
  cacheMaxBytes?: number;
  /** Called when preparing takes longer than a second. */
  onPreparing?: () => void;
  signal?: AbortSignal;
}
