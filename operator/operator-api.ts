import type { Timing } from "../common/timing.ts";
import type { Connection } from "../kube/connection.ts";
import type { RegistryOptions } from "../oci/registry/client.ts";
import type { PodMonitorSettings } from "./runtimes/resources.ts";

/** Where the operator's messages go. */
export interface OperatorLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** How an operator is started. */
export interface OperatorOptions {
  connection: Connection;
  /** Wasmlet's own namespace: of the lease, and of the runtimes' pods. */
  namespace: string;
  /** Names this process and no other. */
  identity: string;
  /** Image of the runtimes' pods, where a WasmRuntime names none. */
  runtimeImage: string;
  runtimeImagePullPolicy?: string | undefined;
  runtimeImagePullSecrets?: readonly string[] | undefined;
  /** A file with a WasmRuntime that is created and kept as the file says. */
  defaultRuntimeFile?: string | undefined;
  /** What the pools' PodMonitors are like; left out, there are none. */
  podMonitors?: PodMonitorSettings | undefined;
  /** The image of the pods that measure for StartupBenchmarks; left out, benchmarks are told that they are switched off. */
  startupProbeImage?: string | undefined;
  managementHost: string;
  /** 0 takes any free port. */
  managementPort: number;
  /** Apps that are worked on at the same time. */
  concurrency?: number;
  registries?: Omit<RegistryOptions, "credentials" | "timing">;
  log: OperatorLog;
  timing?: Timing;
}

/** A running operator. */
export interface Operator {
  readonly managementUrl: string;
  /** Gives the lead away and ends; resolves when nothing is under way any more. */
  stop(): Promise<void>;
}
