import type { WasmletError } from "../../common/errors.ts";
import type { Limit } from "../cell/limits.ts";
import type { AppCondition, AppState, AppView } from "../runtime-api.ts";
import { limitsFinding, RecentLimits } from "./recent-limits.ts";

/** Start samples kept per app for its median. */
const MAX_START_SAMPLES = 200;

/** What is known about one app, as `/v1/apps` tells it. Changes are reported once each. */
export class AppStatus {
  readonly #onChange: () => void;
  readonly #now: () => Date;
  readonly #view: AppView;
  #startSamples: number[] = [];
  readonly #limits = new RecentLimits();
  #held: { reason: string; message: string } | undefined;

  constructor(namespace: string, name: string, kind: AppView["kind"], onChange: () => void, now: () => Date) {
    this.#onChange = onChange;
    this.#now = now;
    this.#view = {
      namespace,
      name,
      kind,
      state: "Pending",
      urls: [],
      conditions: [],
      startPhases: {},
      restarts: 0,
      instances: 0,
    };
  }

  get state(): AppState {
    return this.#view.state;
  }

  /** A copy for readers. */
  view(): AppView {
    const sorted = this.#startSamples.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return { ...this.#held, ...structuredClone(this.#view), ...(median !== undefined && { startP50Seconds: median }) };
  }

  /** Merges what changed; `reason` and `message` go unless given. */
  set(state: AppState, change: Partial<Omit<AppView, "state" | "conditions">> = {}): void {
    delete this.#view.reason;
    delete this.#view.message;
    if (change.engine !== undefined) delete this.#view.engineReason;
    Object.assign(this.#view, change, { state });
    this.#onChange();
  }

  /** Says which version runs: it may be an older one than was asked for last. */
  runs(revision: string | undefined): void {
    if (revision === this.#view.revision) return;
    if (revision === undefined) delete this.#view.revision;
    else this.#view.revision = revision;
    this.#onChange();
  }

  /** Forgets why what was asked for before did not come to run, while an older version serves. */
  reconsider(): void {
    if (this.#view.state === "Ready") this.set("Ready");
  }

  /** Says what is wrong with the manifest, while the app runs as it was last valid; nothing when it is valid. */
  hold(problem: WasmletError | undefined): void {
    if (problem !== undefined) {
      const { where = "the manifest" } = problem.details;
      const message = `${where}: ${problem.message}; the app runs as the manifest said when it was last valid`;
      this.#held = { reason: problem.code, message: `${message}; fix: ${problem.fix}` };
      this.condition("ManifestValid", "False", problem.code, message);
    } else if (this.#held !== undefined) {
      this.#held = undefined;
      this.condition("ManifestValid", "True", "Valid");
    }
  }

  /** Says which limits stopped something of the app; asked again and again, as they are forgotten after a time. */
  limitsHit(limits: readonly Limit[]): void {
    const nowMs = this.#now().getTime();
    this.#limits.note(limits, nowMs);
    const recent = this.#limits.recent(nowMs);
    const known = this.#view.conditions.find(({ type }) => type === "LimitsHit");
    const { status, reason, message } = limitsFinding(recent);
    if (known === undefined ? recent.length === 0 : known.message === message) return;
    this.condition("LimitsHit", status, reason, message);
    this.#onChange();
  }

  /** Counts one more restart. */
  restarted(): void {
    this.#view.restarts++;
  }

  setInstances(instances: number): void {
    this.#view.instances = instances;
  }

  /** Keeps the phases of a start and, for the median, its time to the first response. */
  started(phases: Record<string, number>): void {
    Object.assign(this.#view.startPhases, phases);
    const total = phases["first_response"];
    if (total === undefined) return;
    this.#startSamples.push(total);
    if (this.#startSamples.length > MAX_START_SAMPLES) this.#startSamples.shift();
  }

  /** Sets a condition; its time moves only when its status does. */
  condition(type: AppCondition["type"], status: AppCondition["status"], reason: string, message = ""): void {
    const existing = this.#view.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = existing?.status === status ? existing.lastTransitionTime : this.#now().toISOString();
    const condition: AppCondition = { type, status, reason, message, lastTransitionTime };
    if (existing === undefined) this.#view.conditions.push(condition);
    else Object.assign(existing, condition);
  }
}
