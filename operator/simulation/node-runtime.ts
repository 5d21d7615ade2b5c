import { keyOf } from "../../kube/objects.ts";
import type { AppTemplate, WasmReplicaStatus } from "../../crds/wasm-replica/types.ts";
import { WASM_REPLICAS, type WasmReplica } from "../objects.ts";
import { ownerOf, type World } from "./world.ts";

/** The pod that a runtime runs in. */
export interface RuntimePodIdentity {
  name: string;
  uid: string;
  ip: string;
  nodeName: string;
  /** The pool that it belongs to. */
  runtimeName: string;
  /** Pods that are made later have a higher one. */
  order: number;
}

/** What a runtime does for one replica. */
interface Running {
  key: string;
  /** Uid of the app. */
  app: string;
  serving?: { revision: string; port: number };
  trying?: { revision: string; port: number };
  failed?: { revision: string; reason: string; sinceMs: number };
  stage: "previous" | "current";
  /** How often the other one had its turn. */
  turns: number;
  isWriting: boolean;
  isDue: boolean;
}

const READY = new Set(["Ready", "Running", "Completed"]);
const TURN_MS = 5000;
const MAX_TURN_MS = 300_000;
const RETRY_MS = 2000;
/** The one reason for which a start is not tried again. */
const INVALID = "PREPARE_INVALID";

/** Whether a template is one that never becomes ready. */
export function isBad(template: AppTemplate): boolean {
  return template.env.some(({ name }) => name === "BAD");
}

/**
 * A node runtime as the ADR says: it prepares a new revision beside the old and swaps when that is ready; started anew, it
 * serves what served before first. Two apps on one port: the first one has it. It sees its replicas late and reports late.
 */
export class NodeRuntime {
  readonly pod: RuntimePodIdentity;
  readonly #world: World;
  readonly #apps = new Map<string, Running>();
  #isAlive = true;
  #isLookDue = false;
  /** Once it was, it stays so. */
  isSettled = false;

  constructor(world: World, pod: RuntimePodIdentity) {
    this.#world = world;
    this.pod = pod;
    world.runtimes.add(this);
    world.notePod(pod);
    this.look();
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Ends at once: nothing is served any more, nothing is reported. */
  kill(): void {
    this.#isAlive = false;
    this.#world.runtimes.delete(this);
    this.#apps.clear();
    this.#world.noteServing();
  }

  /** Returns the uids of the replica that is served at a port, and of its app. */
  servedAt(port: number): { uid: string; app: string } | undefined {
    for (const [uid, { serving, app }] of this.#apps) if (serving?.port === port) return { uid, app };
    return undefined;
  }

  /** Returns the revision that it serves of a replica. */
  revisionOf(uid: string): string | undefined {
    return this.#apps.get(uid)?.serving?.revision;
  }

  /** Returns the revisions of an app that it serves. */
  revisionsOf(appUid: string): string[] {
    return [...this.#apps.values()].flatMap(({ app, serving }) =>
      app === appUid && serving !== undefined ? [serving.revision] : [],
    );
  }

  /** Looks at its replicas some time later: as an event does that comes late. */
  look(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    const { random, faults, scheduler } = this.#world;
    const lagMs = random.chance(faults.slowStatus) ? random.between(500, 4000) : random.between(1, 40);
    scheduler.after(lagMs, () => {
      this.#isLookDue = false;
      if (this.#isAlive) this.#look();
    });
  }

  #look(): void {
    const replicas = new Map(this.#replicas().map((replica) => [replica.metadata.uid!, replica]));
    for (const uid of this.#apps.keys()) {
      if (replicas.has(uid)) continue;
      this.#apps.delete(uid);
      this.#world.noteServing();
    }
    for (const [uid, replica] of replicas) {
      const app = this.#apps.get(uid) ?? {
        key: keyOf(replica.metadata),
        app: ownerOf(replica) ?? "",
        stage: replica.spec.previous === undefined ? "current" : "previous",
        turns: 0,
        isWriting: false,
        isDue: false,
      };
      this.#apps.set(uid, app);
      this.#act(uid, app, replica);
    }
    this.isSettled ||= [...this.#apps].every(([, app]) => app.trying === undefined && !app.isWriting && !app.isDue);
  }

  #replicas(): WasmReplica[] {
    const { nodeName, runtimeName } = this.pod;
    return this.#world.api
      .list(WASM_REPLICAS)
      .filter(({ spec }) => spec.nodeName === nodeName && spec.runtimeName === runtimeName)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  #act(uid: string, app: Running, replica: WasmReplica): void {
    const { spec } = replica;
    if (spec.suspend === true) return this.#suspend(app, replica);
    if (app.serving !== undefined || spec.previous === undefined) app.stage = "current";
    const wanted = app.stage === "previous" ? spec.previous! : spec;
    // Commands listen nowhere.
    const port = wanted.template.trigger.http === undefined ? 0 : (spec.port ?? 0);
    const isServed = app.serving?.revision === wanted.revision && app.serving.port === port;
    if (isServed) delete app.trying;
    else if (app.failed?.revision === wanted.revision && app.failed.reason === INVALID) this.#turn(app, spec);
    else if (app.trying?.revision !== wanted.revision || app.trying.port !== port) {
      this.#try(uid, app, { revision: wanted.revision, port }, wanted.template);
    }
    if (isServed && app.failed?.revision !== spec.revision) delete app.failed;
    this.#report(app, replica);
  }

  /** What runs stops at once; it is tried as something new when it is no longer suspended. */
  #suspend(app: Running, replica: WasmReplica): void {
    if (app.serving !== undefined) {
      this.#world.noteServing();
      this.#world.log(`${this.pod.name} stops ${app.key} ${app.serving.revision}`);
    }
    delete app.serving;
    delete app.trying;
    delete app.failed;
    this.#report(app, replica);
  }

  /** Where nothing runs and what is tried fails, the other one has its turn. */
  #turn(app: Running, { previous }: WasmReplica["spec"]): void {
    if (app.serving !== undefined || previous === undefined) return;
    const { scheduler } = this.#world;
    const leftMs = Math.min(MAX_TURN_MS, TURN_MS * 2 ** app.turns) - (scheduler.nowMs - app.failed!.sinceMs);
    if (leftMs > 0) {
      scheduler.after(leftMs, () => this.look());
      return;
    }
    app.turns++;
    app.stage = app.stage === "current" ? "previous" : "current";
    delete app.failed;
    this.look();
  }

  #try(uid: string, app: Running, attempt: { revision: string; port: number }, template: AppTemplate): void {
    app.trying = attempt;
    const { random, scheduler } = this.#world;
    scheduler.after(random.between(20, 1500), () => {
      if (!this.#isAlive || this.#apps.get(uid) !== app || app.trying !== attempt) return;
      delete app.trying;
      const holder = attempt.port === 0 ? undefined : this.servedAt(attempt.port);
      if (holder !== undefined && holder.uid !== uid) this.#fail(app, attempt.revision, "APP_PORT_CONFLICT");
      else if (isBad(template)) this.#fail(app, attempt.revision, INVALID);
      else if (random.chance(this.#world.faults.failedStart)) this.#fail(app, attempt.revision, "OCI_UNREACHABLE");
      else {
        app.serving = attempt;
        delete app.failed;
        this.#world.noteServing();
        this.#world.noteReady(this.pod, attempt.port, uid, attempt.revision);
        this.#world.log(`${this.pod.name} serves ${app.key} ${attempt.revision} at ${attempt.port}`);
      }
      this.look();
    });
  }

  #fail(app: Running, revision: string, reason: string): void {
    app.failed = { revision, reason, sinceMs: this.#world.scheduler.nowMs };
    this.#world.log(`${this.pod.name} fails to start ${app.key} ${revision}: ${reason}`);
    if (reason !== INVALID) this.#world.scheduler.after(RETRY_MS, () => this.#isAlive && this.look());
  }

  #report(app: Running, replica: WasmReplica): void {
    if (app.isWriting || !this.#speaksFor(app, replica)) return;
    const status = this.#statusOf(app, replica);
    if (isSame(replica.status, status)) return;
    app.isWriting = true;
    const { random, faults, scheduler, api } = this.#world;
    const lateMs = random.chance(faults.slowStatus) ? random.between(300, 5000) : random.between(1, 20);
    scheduler.after(lateMs, () => {
      // It is on its way, whether the runtime still lives or not.
      app.isWriting = false;
      app.isDue = false;
      try {
        api.replaceStatus(WASM_REPLICAS, replica, status);
      } catch {
        app.isDue = true;
      }
      app.isDue = false;
      if (this.#isAlive) this.look();
    });
  }

  /** Of two pods of a node, the newer one speaks once it serves. */
  #speaksFor({ serving }: Running, { status }: WasmReplica): boolean {
    const { podName } = status ?? {};
    if (podName === undefined || podName === this.pod.name) return true;
    const other = this.#world.podOrderOf(podName);
    if (other > this.pod.order) return false;
    return !READY.has(status!.state) || serving !== undefined;
  }

  #statusOf({ serving, failed, trying }: Running, { metadata, spec }: WasmReplica): WasmReplicaStatus {
    const idle = spec.suspend === true ? "Suspended" : failed === undefined ? "Starting" : "BackOff";
    const state = serving === undefined ? idle : serving.port === 0 ? "Running" : "Ready";
    const isUpdated = serving?.revision === spec.revision;
    return {
      observedGeneration: metadata.generation ?? 0,
      state,
      ...(failed !== undefined && !isUpdated && { reason: failed.reason, message: `simulated: ${failed.reason}` }),
      ...(serving !== undefined && { revision: serving.revision }),
      podName: this.pod.name,
      podIP: this.pod.ip,
      ...(trying !== undefined && serving === undefined && { message: `starting ${trying.revision}` }),
    };
  }
}

function isSame(before: WasmReplicaStatus | undefined, now: WasmReplicaStatus): boolean {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(now);
}
