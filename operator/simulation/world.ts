import type { KubeObject } from "../../kube/objects.ts";
import { WASM_REPLICAS } from "../objects.ts";
import { ApiServer } from "./api-server.ts";
import { NO_FAULTS, type Faults, type PlantedFault } from "./faults.ts";
import type { NodeRuntime, RuntimePodIdentity } from "./node-runtime.ts";
import { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

/** A request of an operator that was carried out. */
export interface DoneWrite {
  atMs: number;
  process: string;
  what: string;
  hasChanged: boolean;
}

/** What every part of a run shares. */
export class World {
  readonly scheduler = new Scheduler();
  readonly random: Random;
  readonly api: ApiServer;
  readonly runtimes = new Set<NodeRuntime>();
  readonly writes: DoneWrite[] = [];
  readonly planted: PlantedFault | undefined;
  /** Changed when the faults end, so that everything can settle. */
  faults: Faults;
  /** What broke a rule, in words. */
  readonly violations: string[] = [];
  /** When something happened to nodes or pods last. */
  disturbedMs = Number.NEGATIVE_INFINITY;
  /** The ends of the run's log, oldest first; empty unless somebody wants it. */
  readonly lines: string[] = [];
  readonly #isVerbose: boolean;
  /** Where an app was ready at some time, by pod, address, port and app. */
  readonly #ready = new Set<string>();
  readonly #served = new Set<string>();
  readonly #podOrders = new Map<string, number>();
  #servingCount = 0;
  #writeCount = 0;
  #eventCount = 0;

  constructor(seed: number, faults: Faults = NO_FAULTS, planted?: PlantedFault, isVerbose = false) {
    this.random = new Random(seed);
    this.api = new ApiServer(this.scheduler, this.random);
    this.faults = faults;
    this.planted = planted;
    this.#isVerbose = isVerbose;
    this.api.onChange((plural) => {
      if (plural === WASM_REPLICAS.plural) for (const runtime of this.runtimes) runtime.look();
    });
  }

  get writeCount(): number {
    return this.#writeCount;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Returns the number of the next write that an operator sends. */
  nextWrite(): number {
    return this.#writeCount++;
  }

  /** Returns the number of the next event that an operator gets. */
  nextEvent(): number {
    return this.#eventCount++;
  }

  /** Carries out a write of an operator. */
  carryOut<T>(process: string, index: number, what: string, write: () => T): T {
    const before = this.api.version;
    const result = write();
    const hasChanged = this.api.version > before;
    this.writes.push({ atMs: this.scheduler.nowMs, process, what, hasChanged });
    this.log(`${process}: write ${index} ${what}${hasChanged ? "" : " (no change)"}`);
    return result;
  }

  /** Counts changes of what runtimes serve. */
  get servingCount(): number {
    return this.#servingCount;
  }

  noteServing(): void {
    this.#servingCount++;
  }

  notePod({ name, order }: RuntimePodIdentity): void {
    this.#podOrders.set(name, order);
  }

  noteReady(pod: RuntimePodIdentity, port: number, replicaUid: string, revision: string): void {
    this.#served.add(`${replicaUid} ${revision}`);
    const replica = this.api.list(WASM_REPLICAS).find(({ metadata }) => metadata.uid === replicaUid);
    const app = replica === undefined ? undefined : ownerOf(replica);
    this.#ready.add(`${pod.uid} ${pod.ip} ${port} ${app ?? ""}`);
  }

  /** Whether a replica ever served a revision. */
  hasServed(replicaUid: string, revision: string): boolean {
    return this.#served.has(`${replicaUid} ${revision}`);
  }

  /** Whether an app was ever ready in a pod at an address and port. */
  wasReady(podUid: string, ip: string, port: number, appUid: string): boolean {
    return this.#ready.has(`${podUid} ${ip} ${port} ${appUid}`);
  }

  /** Returns when a pod was made, in comparison with others; -1 for one that never ran. */
  podOrderOf(name: string): number {
    return this.#podOrders.get(name) ?? -1;
  }

  noteDisturbance(): void {
    this.disturbedMs = this.scheduler.nowMs;
  }

  violate(rule: string, message: string): void {
    const text = `${rule}: ${message} (at ${(this.scheduler.nowMs / 1000).toFixed(3)} s)`;
    this.log(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  log(line: string): void {
    if (this.#isVerbose) this.lines.push(`${(this.scheduler.nowMs / 1000).toFixed(3).padStart(9)} ${line}`);
  }
}

/** Returns the uid of an object's owner. */
export function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.[0]?.uid;
}
