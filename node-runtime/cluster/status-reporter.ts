import { messageOf } from "../../common/errors.ts";
import type { Timing } from "../../common/timing.ts";
import type { WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { ObjectStore } from "../../kube/store.ts";
import { TokenBuckets } from "../../kube/token-buckets.ts";
import { WorkQueue, type WorkResult } from "../../kube/work-queue.ts";
import type { AppView } from "../runtime-api.ts";
import type { WriteResult } from "./cluster-metrics.ts";
import { turnOf } from "./hand-over.ts";
import { buildReplicaStatus, buildSuspendedStatus, isWorthWriting } from "./replica-status.ts";
import type { Pod, Replica, ReplicaStatus } from "./replica.ts";

/** What the runtime acts on of a replica: it may be a generation behind. */
export interface Applied {
  generation: number;
  revision: string;
  /** `namespace/name` of the app. */
  app: string;
  /** Whether nothing of it is to run for now. */
  isSuspended?: boolean;
}

export interface StatusReporterOptions {
  /** The replicas as they were last seen. */
  store: ObjectStore<Replica>;
  /** Returns what the runtime acts on, by the key of the replica. */
  appliedOf: (key: string) => Applied | undefined;
  viewOf: (app: string) => AppView | undefined;
  /** Whether anything of an app is still on the node. */
  isPresent: (app: string) => boolean;
  /** The pod that reports; nothing is reported before that is known. */
  pod: () => Pod | undefined;
  /** Writes the status of a replica that still has this version; returns the replica as it is then. */
  write: (replica: Replica, status: WasmReplicaStatus, signal: AbortSignal) => Promise<Replica>;
  onWrite: (result: WriteResult) => void;
  onError: (key: string, problem: string) => void;
  timing: Timing;
}

const CONCURRENCY = 8;
const RATE = { burst: 200, refillMs: 20, maxKeys: 1 };
const RATE_WAIT_MS = 50;
/** States that are on the way to another one, and how long one lasts before it is told. */
const PASSING = new Set(["Pending", "Preparing", "Starting"]);
const PASSING_MS = 300;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;

/** Writes the status of replicas when there is something to say: one write at a time of each, all of them at a bounded rate. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #queue: WorkQueue;
  readonly #rate: TokenBuckets;
  readonly #beganMs: number;
  readonly #wroteMs = new Map<string, number>();

  constructor(options: StatusReporterOptions) {
    const { timing } = options;
    this.#options = options;
    this.#beganMs = timing.now();
    this.#rate = new TokenBuckets(RATE, timing);
    this.#queue = new WorkQueue({
      run: (key, signal) => this.#report(key, signal),
      concurrency: CONCURRENCY,
      firstDelayMs: FIRST_RETRY_MS,
      maxDelayMs: MAX_RETRY_MS,
      timing,
    });
  }

  /** Looks whether there is something to say of a replica. */
  look(key: string): void {
    const next = this.#next(key);
    if (next === undefined) return;
    // Most starts are over sooner than anybody could read of them: a write for each step would only delay the last.
    if (PASSING.has(next.status.state)) this.#queue.addAfter(key, PASSING_MS);
    else this.#queue.add(key);
  }

  /** Whether nothing is left to be said of these replicas. */
  hasReported(keys: Iterable<string>): boolean {
    if (this.#options.pod() === undefined) return false;
    return [...keys].every((key) => this.#next(key) === undefined);
  }

  /** Forgets a replica that is gone. */
  forget(key: string): void {
    this.#wroteMs.delete(key);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #next(key: string): { replica: Replica; status: WasmReplicaStatus } | undefined {
    const { store, appliedOf, timing } = this.#options;
    const pod = this.#options.pod();
    const replica = store.get(key);
    const applied = appliedOf(key);
    if (pod === undefined || replica === undefined || applied === undefined) return undefined;
    const status = this.#statusOf(replica.status ?? {}, applied, pod);
    if (status === undefined) return undefined;
    const ageMs = timing.now() - (this.#wroteMs.get(key) ?? this.#beganMs);
    return isWorthWriting(replica.status, status, ageMs) ? { replica, status } : undefined;
  }

  /** Returns what this pod has to say of a replica; undefined for nothing, or nothing yet. */
  #statusOf(said: ReplicaStatus, applied: Applied, pod: Pod): WasmReplicaStatus | undefined {
    const { viewOf, isPresent, timing } = this.#options;
    const { app, generation, revision: wanted, isSuspended = false } = applied;
    const now = timing.date();
    if (isSuspended) {
      if (isPresent(app) || turnOf(said, pod, { state: "Suspended" }, wanted) !== "report") return undefined;
      return buildSuspendedStatus({ generation, pod, said, now });
    }
    const view = viewOf(app);
    if (view === undefined || turnOf(said, pod, view, wanted) !== "report") return undefined;
    return buildReplicaStatus({ view, generation, wanted, pod, said, now });
  }

  async #report(key: string, signal: AbortSignal): Promise<WorkResult> {
    if (this.#next(key) === undefined) return;
    if (!this.#rate.take("")) return { requeueAfterMs: RATE_WAIT_MS };
    const { store, write, timing, onWrite } = this.#options;
    const next = this.#next(key);
    if (next === undefined) return;
    try {
      const written = await write(next.replica, next.status, signal);
      this.#wroteMs.set(key, timing.now());
      onWrite("written");
      store.note(written);
    } catch (thrown) {
      this.#failed(key, thrown);
    }
    return;
  }

  #failed(key: string, thrown: unknown): void {
    const { onWrite, onError } = this.#options;
    if (isKubeError(thrown, "KUBE_NOT_FOUND")) return onWrite("gone");
    if (isKubeError(thrown, "KUBE_CONFLICT")) onWrite("conflict");
    else {
      onWrite("error");
      onError(key, messageOf(thrown));
    }
    throw thrown;
  }
}
