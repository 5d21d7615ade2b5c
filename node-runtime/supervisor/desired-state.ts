import type { WasmletError } from "../../common/errors.ts";
import type { PullPolicy } from "../artifacts/pull-policy.ts";

/** Where an app's bytes come from, as far as a node has to know. */
export type ArtifactSource =
  | { kind: "file"; path: string; /** Changes when the file does. */ stamp: string }
  | { kind: "http"; url: string; sha256: string }
  | { kind: "oci"; image: string; policy?: PullPolicy; /** Contents of its pull secrets. */ secrets: Uint8Array[] }
  | { kind: "bytes"; bytes: Uint8Array };

/** A folder that the guest sees. */
export type Volume =
  | {
      name: string;
      mountPath: string;
      writable: false;
      /** Its files are kept apart, where a node has a place for what is secret. */
      isSecret?: true;
      entries: ReadonlyMap<string, Uint8Array>;
    }
  | {
      name: string;
      mountPath: string;
      writable: boolean;
      /** How much the app may keep in it. */
      maxBytes?: number;
      isSecret?: undefined;
      entries?: undefined;
    };

/** An app that should run on this node: everything resolved, whoever asked for it. */
export interface DesiredApp {
  /** `namespace/name`. */
  id: string;
  namespace: string;
  name: string;
  /** What its version is called, where whoever asks for it has a name for it. */
  revision?: string;
  /** Why it cannot run as asked; it is then shown as failed, and its neighbours run. */
  refusal?: WasmletError;
  /** What is wrong with the manifest as it stands now: this is the app as it said when it was last valid. */
  held?: WasmletError;
  source: ArtifactSource;
  trigger: { kind: "http" } | { kind: "command"; restartPolicy: "Always" | "OnFailure" | "Never" };
  args: string[];
  env: [string, string][];
  volumes: Volume[];
  allowedOutboundHosts: string[];
  reuse: "Request" | "Instance";
  /** Apps of one group may share a process. */
  cellGroup: string;
  /** The port it asks for; others get a free one. */
  port?: number;
  maxMemoryBytes: number;
  requestTimeoutMs: number;
  /** CPU time that one request may take, or a command's run; left out, any. */
  cpuTimeMs?: number;
  concurrency: number;
  /** Requests that the node accepts, whichever of its cells they come to; left out, any number. */
  requestsPerSecond?: number;
  idleMs: number;
}

/** Everything that should run, and what was wrong with how it was asked for. */
export interface DesiredState {
  apps: DesiredApp[];
  problems: WasmletError[];
}

/** Where desired state comes from: a folder, or a cluster. Nothing else in the runtime knows which. */
export interface DesiredStateSource {
  /** Reports the state now (before it resolves) and after every change. Throws RUNTIME_FOLDER when it cannot be read. */
  start(onChange: (state: DesiredState) => void): Promise<void>;
  /** Whether the runtime is ready, given whether every app is where it is going to be; just that where it is not there. */
  isReady?(areAppsSettled: boolean): boolean;
  stop(): void;
}
