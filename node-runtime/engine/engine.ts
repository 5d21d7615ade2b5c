import type { PreparedArtifact } from "../artifacts/prepared-artifact.ts";
import type { WasiHost } from "../wasi/host.ts";
import type { IncomingRequest } from "../wasi/http/incoming.ts";
import type { ResponseOutparam } from "../wasi/http/response.ts";

/** A way to run prepared artifacts. Every engine passes the same conformance suite (`test/conformance`). */
export interface Engine {
  readonly name: PreparedArtifact["engine"];
  /** Compiles an artifact whose files lie in `directory`, its memories bounded to `maxMemoryBytes`; nothing of it runs. */
  load(artifact: PreparedArtifact, directory: string, options: LoadOptions): Program;
}

export interface LoadOptions {
  /** A memory never grows past this; `memory.grow` yields -1. */
  maxMemoryBytes: number;
  /** Whether each request is to get a pristine instance; unless it is said, it is. */
  reuse?: "Request" | "Instance";
  /** What the artifact's instances serve; unless it is said, requests. */
  trigger?: "http" | "command";
}

/** A compiled artifact, shared by its instances. */
export interface Program {
  /** Makes a pristine instance over `host`; runs its start functions. Throws, or rejects with, GUEST_START_TRAPPED. */
  instantiate(host: WasiHost): Instance | Promise<Instance>;
  /** Nothing is asked of it any more, for now: lets go of all but what it needs to wake quickly. */
  trim?(): void;
  /** Lets go of all that it keeps: it will not be used again. */
  close?(): void;
  /** Bytes of linear memory that it keeps for instances to come. */
  standbyBytes?(): number;
}

/** One running copy of a program. It serves one call at a time. */
export interface Instance {
  /** `wasi:http/incoming-handler.handle`: resolves when the guest returned, rejects when it trapped. */
  handle?(request: IncomingRequest, outparam: ResponseOutparam): Promise<void>;
  /** `wasi:cli/run` or `_start`: resolves to the exit code, rejects when it trapped. */
  run?(): Promise<number>;
  /** Says that nobody uses the instance any more: its program may make it pristine and hand it out again. */
  release?(): void;
  /** How many calls it may serve, where there is a limit. */
  maxCalls?: number;
  /** Bytes of linear memory that it has now. */
  memoryBytes(): number;
}
