import type { WasmletError } from "../../common/errors.ts";
import { readReplicaSpec, type ReplicaSpecVerdict } from "../../crds/wasm-replica/read.ts";
import type { WasmReplicaSpec } from "../../crds/wasm-replica/types.ts";
import type { AppView } from "../runtime-api.ts";
import type { DesiredApp } from "../supervisor/desired-state.ts";
import { referencesOf, type Reference } from "./references.ts";
import type { Wished } from "./reference-reader.ts";
import { desiredAppOfReplica, invalidSpec, refusedApp } from "./replica-app.ts";
import type { Pod, Replica } from "./replica.ts";
import { nextTry, reasonNotToRun, type Stage, type Tried } from "./stage.ts";
import type { Applied } from "./status-reporter.ts";

/** What a plan needs to know of the rest. */
export interface PlanContext {
  me: Pick<Pod, "name">;
  viewOf: (app: string) => AppView | undefined;
  wish: (wisher: string, references: readonly Reference[]) => Wished | undefined;
  forget: (wisher: string) => void;
  nowMs: () => number;
}

/**
 * One replica over time: which app it asks for now. The very same app is returned as long as nothing changes, and the one
 * before while what the next one refers to is being read.
 */
export class ReplicaPlan {
  readonly #context: PlanContext;
  #replica: Replica;
  #verdict: ReplicaSpecVerdict;
  #tried: Tried | undefined;
  #app: DesiredApp | undefined;
  #applied: Applied | undefined;
  #wasRun = false;
  /** Apps whose references were read, by revision: contents may change later, what a revision runs does not. */
  readonly #resolved = new Map<string, DesiredApp>();
  /** Wishes that are not met yet. */
  readonly #wishers = new Set<string>();

  constructor(replica: Replica, context: PlanContext) {
    this.#context = context;
    this.#replica = replica;
    this.#verdict = readReplicaSpec(replica.spec);
  }

  /** What the runtime acts on, the same object as long as that is the same; undefined before it acts on anything. */
  get applied(): Applied | undefined {
    return this.#applied;
  }

  /** `namespace/name` of the app. */
  get appId(): string {
    return `${this.#replica.metadata.namespace}/${this.#verdict.spec?.appName ?? nameIn(this.#replica)}`;
  }

  get replica(): Replica {
    return this.#replica;
  }

  /** Whether what its app refers to is still being read. */
  get isReading(): boolean {
    return this.#wishers.size > 0 && this.#app?.refusal === undefined;
  }

  /** Whether another of two templates may have its turn as time goes by. */
  get mayTurn(): boolean {
    return this.#verdict.spec?.previous !== undefined && this.#runs === undefined;
  }

  /** Everything that its templates refer to. */
  get references(): Reference[] {
    const { spec } = this.#verdict;
    const templates = spec === undefined ? [] : [spec.template, ...(spec.previous ? [spec.previous.template] : [])];
    return templates.flatMap((template) => referencesOf(template, this.#replica.metadata.namespace ?? ""));
  }

  /** Takes the replica as it is now. */
  update(replica: Replica): void {
    const isSameSpec = replica.metadata.generation === this.#replica.metadata.generation;
    this.#replica = replica;
    if (isSameSpec) return;
    const before = this.#verdict.spec;
    this.#verdict = readReplicaSpec(replica.spec);
    const { spec } = this.#verdict;
    if (spec?.revision !== before?.revision) this.#tried = undefined;
    const revisions = new Set([spec?.revision, spec?.previous?.revision]);
    for (const revision of this.#resolved.keys()) if (!revisions.has(revision)) this.#resolved.delete(revision);
    for (const wisher of this.#wishers) this.#forget(wisher);
  }

  /** Ends what is being read for it. */
  close(): void {
    for (const wisher of this.#wishers) this.#forget(wisher);
  }

  /** Returns the app that it asks for now; undefined for none, or for none yet. */
  next(): DesiredApp | undefined {
    const { spec, problems } = this.#verdict;
    if (spec === undefined) return this.#take(this.#refused(invalidSpec(this.#replica, problems)), "");
    if (spec.suspend === true) return this.#suspend(spec);
    if (!this.#wasRun && reasonNotToRun(spec, this.#replica.status ?? {}, this.#context.me)) return undefined;
    this.#tried = nextTry(spec, this.#context.viewOf(this.appId), this.#tried, this.#context.nowMs());
    const app = this.#resolve(spec, this.#tried.stage);
    if (app === undefined) return this.#app;
    return this.#take(app, spec.revision);
  }

  get #runs(): string | undefined {
    return this.#context.viewOf(this.appId)?.revision;
  }

  /** What is asked for later is something new: nothing of it runs until then. */
  #suspend({ revision }: WasmReplicaSpec): undefined {
    for (const wisher of this.#wishers) this.#forget(wisher);
    this.#app = undefined;
    this.#tried = undefined;
    const { generation = 0 } = this.#replica.metadata;
    if (this.#applied?.generation !== generation || this.#applied.isSuspended !== true) {
      this.#applied = { generation, revision, app: this.appId, isSuspended: true };
    }
  }

  #take(app: DesiredApp, revision: string): DesiredApp {
    this.#wasRun = true;
    const { generation = 0 } = this.#replica.metadata;
    if (this.#applied?.generation !== generation || this.#applied.app !== app.id) {
      this.#applied = { generation, revision, app: app.id };
    }
    if (this.#app === undefined || !isSame(this.#app, app)) this.#app = app;
    return this.#app;
  }

  /** What ran goes on running, of whatever kind it was. */
  #refused(refusal: WasmletError): DesiredApp {
    const { namespace = "" } = this.#replica.metadata;
    return { ...(this.#app ?? refusedApp(namespace, nameIn(this.#replica), refusal)), refusal };
  }

  #resolve(spec: WasmReplicaSpec, stage: Stage): DesiredApp | undefined {
    const { template, revision } = stage === "previous" ? spec.previous! : spec;
    const { namespace = "", uid = "" } = this.#replica.metadata;
    const resolved = this.#resolved.get(revision);
    if (resolved !== undefined) return withPort(resolved, spec.port);
    const references = referencesOf(template, namespace);
    const wisher = `${uid} ${revision}`;
    if (references.length > 0) this.#wishers.add(wisher);
    const wished = references.length === 0 ? { objects: [] } : this.#context.wish(wisher, references);
    if (wished === undefined) return undefined;
    if (wished.problem !== undefined) {
      return { ...desiredAppOfReplica(this.#replica, spec, stage, []), refusal: wished.problem };
    }
    const app = desiredAppOfReplica(this.#replica, spec, stage, wished.objects);
    // Also where a key is missing in what was read: an object that is changed makes a new revision.
    this.#resolved.set(revision, app);
    this.#forget(wisher);
    return app;
  }

  #forget(wisher: string): void {
    this.#wishers.delete(wisher);
    this.#context.forget(wisher);
  }
}

/** Apps are made anew where what they refer to is missing: those are told apart by why. */
function isSame(app: DesiredApp, other: DesiredApp): boolean {
  if (app === other) return true;
  const { refusal: why, ...rest } = app;
  const { refusal: otherWhy, ...otherRest } = other;
  if (why === undefined || otherWhy === undefined) return false;
  return why.message === otherWhy.message && rest.revision === otherRest.revision && rest.port === otherRest.port;
}

function withPort(app: DesiredApp, port: number | undefined): DesiredApp {
  return app.port === port || port === undefined ? app : { ...app, port };
}

/** The best name there is for the app of a replica whose spec is not valid. */
function nameIn({ spec, metadata }: Replica): string {
  const { appName } = (spec ?? {}) as { appName?: unknown };
  return typeof appName === "string" && appName !== "" ? appName : metadata.name;
}
