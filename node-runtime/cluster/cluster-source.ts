import { WasmletError } from "../../common/errors.ts";
import type { Timing } from "../../common/timing.ts";
import { keyOf } from "../../kube/objects.ts";
import type { ObjectStore } from "../../kube/store.ts";
import type { AppView } from "../runtime-api.ts";
import type { DesiredApp, DesiredState, DesiredStateSource } from "../supervisor/desired-state.ts";
import type { ReferenceReader } from "./reference-reader.ts";
import { referenceKey } from "./references.ts";
import { ReplicaPlan } from "./replica-plan.ts";
import type { Pod, Replica } from "./replica.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Applied } from "./status-reporter.ts";

/** How long to wait for the API server before what is on disk is run. */
const SYNC_WAIT_MS = 3000;
/** Events come in bursts. */
const SETTLE_MS = 20;
const SAVE_MS = 1000;
/** How often it is looked whether another template has its turn. */
const TURN_MS = 1000;

/** What keeps a store of the node's replicas up to date. */
export interface ReplicaFeed {
  readonly store: ObjectStore<Replica>;
  readonly isSynced: boolean;
  start(): void;
  whenSynced(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterSourceOptions {
  feed: ReplicaFeed;
  references: ReferenceReader;
  snapshot: Snapshot;
  me: Pick<Pod, "name">;
  viewOf: (app: string) => AppView | undefined;
  /** Told that the runtime acts on a replica as it is now. */
  onApplied: (key: string) => void;
  /** Whether everything is reported of the replicas with these keys. */
  hasReported: (keys: Iterable<string>) => boolean;
  /** Told of a start from disk, with the number of replicas; undefined where there is nothing to start from. */
  onStartFromDisk: (replicas: number | undefined) => void;
  timing: Timing;
}

/** Desired state from the replicas of a node; from what was kept of them while the API server is away. */
export class ClusterSource implements DesiredStateSource {
  readonly #options: ClusterSourceOptions;
  readonly #plans = new Map<string, ReplicaPlan>();
  readonly #stopping = new AbortController();
  /** Replicas from disk, until the API server says what there is. */
  #restored: Map<string, Replica> | undefined;
  #emitted: { apps: DesiredApp[]; conflicts: string } | undefined;
  #onChange: (state: DesiredState) => void = () => {};
  #isScheduled = false;
  #isSaveScheduled = false;
  #isTurnScheduled = false;
  #isStarted = false;
  #wasReady = false;
  #keysByApp = new Map<string, string>();

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
  }

  async start(onChange: (state: DesiredState) => void): Promise<void> {
    const { feed, timing } = this.#options;
    this.#onChange = onChange;
    feed.store.onChange(() => this.schedule());
    feed.start();
    const waiting = new AbortController();
    await Promise.race([feed.whenSynced(), timing.delay(SYNC_WAIT_MS, waiting.signal).catch(() => {})]);
    waiting.abort();
    if (!feed.isSynced) this.#startFromDisk();
    this.#isStarted = true;
    this.#reconcile();
    void feed.whenSynced().then(() => this.#synced());
  }

  stop(): void {
    this.#stopping.abort();
    void this.#options.feed.stop();
    void this.#options.references.stop();
  }

  /** Looks again soon: something came that a replica may wait for. */
  schedule(): void {
    if (this.#isScheduled || !this.#isStarted) return;
    this.#isScheduled = true;
    this.#after(SETTLE_MS, () => {
      this.#isScheduled = false;
      this.#reconcile();
    });
  }

  /** Notes that an app changed: where a replica has two templates, that decides which one runs. */
  noteApp(app: string): void {
    if (this.#plans.get(this.keyOfApp(app) ?? "")?.mayTurn === false) return;
    this.schedule();
  }

  /** Once it was ready it stays so: a rollout or a lost API server is no reason to take a node's apps away. */
  isReady(areAppsSettled: boolean): boolean {
    this.#wasReady ||= areAppsSettled && this.#isSettled;
    return this.#wasReady;
  }

  get #isSettled(): boolean {
    if (!this.#options.feed.isSynced || this.#isScheduled) return false;
    if ([...this.#plans.values()].some((plan) => plan.isReading)) return false;
    return this.#options.hasReported(this.#plans.keys());
  }

  /** Keys of the replicas that are acted on. */
  keys(): IterableIterator<string> {
    return this.#plans.keys();
  }

  appliedOf(key: string): Applied | undefined {
    return this.#plans.get(key)?.applied;
  }

  /** Returns the key of the replica that an app runs for. */
  keyOfApp(app: string): string | undefined {
    return this.#keysByApp.get(app);
  }

  #startFromDisk(): void {
    const { snapshot, references, onStartFromDisk } = this.#options;
    const replicas = snapshot.readReplicas();
    onStartFromDisk(replicas?.length);
    if (replicas === undefined) return;
    references.restore(snapshot.readObjects());
    this.#restored = new Map(replicas.map((replica) => [keyOf(replica.metadata), replica]));
  }

  #synced(): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#restored !== undefined) {
      this.#restored = undefined;
      this.#options.references.forgetRestored();
    }
    this.#reconcile();
  }

  #reconcile(): void {
    if (this.#stopping.signal.aborted) return;
    const replicas = this.#replicas();
    const found = new Map(replicas.map((replica) => [keyOf(replica.metadata), replica]));
    for (const [key, plan] of this.#plans) {
      if (found.get(key)?.metadata.uid === plan.replica.metadata.uid) continue;
      plan.close();
      this.#plans.delete(key);
    }
    for (const [key, replica] of found) this.#plan(key, replica);
    this.#emit();
    if (this.#options.feed.isSynced) this.#scheduleSave();
    if ([...this.#plans.values()].some((plan) => plan.mayTurn)) this.#scheduleTurn();
  }

  /** The oldest come first: of two that want one port or name, it has it. */
  #replicas(): Replica[] {
    const all = [...(this.#restored ?? this.#options.feed.store).values()];
    return all
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((replica) => [ageOf(replica), replica] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, replica]) => replica);
  }

  #plan(key: string, replica: Replica): void {
    const existing = this.#plans.get(key);
    if (existing !== undefined) return existing.update(replica);
    const { references, me, viewOf, timing } = this.#options;
    const plan = new ReplicaPlan(replica, {
      me,
      viewOf,
      wish: (wisher, wanted) => references.wish(wisher, wanted),
      forget: (wisher) => references.forget(wisher),
      nowMs: () => timing.now(),
    });
    this.#plans.set(key, plan);
  }

  #emit(): void {
    const apps = new Map<string, DesiredApp>();
    const problems: WasmletError[] = [];
    this.#keysByApp = new Map();
    const applied: string[] = [];
    for (const { metadata } of this.#replicas()) {
      const key = keyOf(metadata);
      const plan = this.#plans.get(key)!;
      const holder = this.#keysByApp.get(plan.appId);
      if (holder !== undefined) {
        problems.push(conflict(plan.appId, key, holder));
        continue;
      }
      this.#keysByApp.set(plan.appId, key);
      const before = plan.applied;
      const app = plan.next();
      if (app !== undefined) apps.set(app.id, app);
      if (plan.applied !== before) applied.push(key);
    }
    this.#tell([...apps.values()], problems);
    for (const key of applied) this.#options.onApplied(key);
  }

  #tell(apps: DesiredApp[], problems: WasmletError[]): void {
    const conflicts = problems.map(({ message }) => message).join("\n");
    if (this.#emitted?.conflicts === conflicts && isSameList(this.#emitted.apps, apps)) return;
    this.#emitted = { apps, conflicts };
    this.#onChange({ apps, problems });
  }

  #scheduleSave(): void {
    if (this.#isSaveScheduled) return;
    this.#isSaveScheduled = true;
    this.#after(SAVE_MS, () => {
      this.#isSaveScheduled = false;
      const { snapshot } = this.#options;
      const plans = [...this.#plans.values()];
      snapshot.keepReplicas(plans.map(({ replica }) => replica));
      snapshot.keepOnly(new Set(plans.flatMap(({ references }) => references.map(referenceKey))));
    });
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    this.#after(TURN_MS, () => {
      this.#isTurnScheduled = false;
      this.#reconcile();
    });
  }

  #after(milliseconds: number, run: () => void): void {
    const { timing } = this.#options;
    void timing.delay(milliseconds, this.#stopping.signal).then(run, () => {});
  }
}

function ageOf({ metadata }: Replica): string {
  return `${metadata.creationTimestamp ?? ""} ${keyOf(metadata)}`;
}

function isSameList(a: readonly DesiredApp[], b: readonly DesiredApp[]): boolean {
  return a.length === b.length && a.every((app, index) => app === b[index]);
}

function conflict(app: string, key: string, holder: string): WasmletError {
  return new WasmletError("APP_CONFLICT", `the app ${app} has two replicas on this node; the older one is run`, {
    where: `WasmReplica ${key}`,
    expected: "one replica per app and node",
    actual: `another one, ${holder}`,
    fix: "Delete the replica that is not the operator's.",
  });
}
