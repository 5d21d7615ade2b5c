import { messageOf, WasmletError } from "../../common/errors.ts";
import { ERROR_CODES, knownCode } from "../../common/error-codes.ts";
import { isStoppable } from "../artifacts/prepared-artifact.ts";
import type { Failure } from "../cell/protocol.ts";
import {
  cellAppOf,
  checkImports,
  checkTrigger,
  obtainArtifact,
  type ObtainContext,
  type ReadyArtifact,
  type ReadyProgram,
} from "./app.ts";
import type { AppStatus } from "./app-status.ts";
import type { CellGroup } from "./cell-group.ts";
import { CommandKeeper, type CommandContext } from "./command-keeper.ts";
import { changedFields, fieldsOf } from "./desired-fields.ts";
import type { DesiredApp } from "./desired-state.ts";
import type { Ports } from "./ports.ts";
import type { Quarantine, Sentence } from "./quarantine.ts";
import { RetryDelays } from "./retry-delays.ts";

/** What controllers share. */
export interface ControllerContext extends CommandContext, ObtainContext {
  ports: Ports;
  host: string;
  /** Whether apps of several namespaces may share a process, where they ask for it. */
  sharedCells: boolean;
  /** Returns the cells of a name, which apps of one group share, starting them when needed: as many as usual, or `size`. */
  cellsOf(name: string, size?: number): CellGroup;
  /** Ends the cells that an app had for itself, when it is out of them. */
  endOwnCells(id: string): void;
  quarantine: Quarantine;
  /** Ports that manifests ask for: not to be handed to others. */
  wantedPorts(): ReadonlySet<number>;
  /** Resolves when commands may run: they do so in one runtime at a time. */
  commandsMayRun: Promise<void>;
}

/** Brings one app from what is asked for to running, and keeps it there. */
export class AppController {
  readonly status: AppStatus;
  readonly #context: ControllerContext;
  readonly #retry = new RetryDelays();
  readonly #command: CommandKeeper;
  #desired: DesiredApp;
  /** The wish as it was last given: one that is the same object is the same. */
  #wish: DesiredApp | undefined;
  #fields: ReadonlyMap<string, string> = new Map();
  #revision = 0;
  #serving: { revision: number; group: CellGroup } | undefined;
  /** Cells that are being given the app. */
  #loading: CellGroup | undefined;
  /** The revision that serves, or that was started as a command. */
  #running: number | undefined;
  readonly #held = new Map<number, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #attempt = new AbortController();
  #removed = false;
  #startFailed = false;
  /** What was said of the last failure: the same one is said once. */
  #said: string | undefined;

  constructor(desired: DesiredApp, status: AppStatus, context: ControllerContext) {
    this.#desired = desired;
    this.status = status;
    this.#context = context;
    this.#command = new CommandKeeper(status, context);
  }

  get id(): string {
    return this.#desired.id;
  }

  /** Asks a command's process for its counters, if one runs. */
  collect(): void {
    this.#command.collect();
  }

  /** Takes a new wish; does nothing when it is the old one. Returns the fields of the manifest that changed. */
  update(wish: DesiredApp): string[] {
    if (wish === this.#wish) return [];
    this.#wish = wish;
    const { held, ...desired } = wish;
    this.status.hold(held);
    const fields = fieldsOf(desired);
    const changed = changedFields(this.#fields, fields);
    this.#desired = desired;
    if (changed.length === 0) {
      if (this.#isUpToDate) this.status.runs(desired.revision);
      return [];
    }
    this.#fields = fields;
    this.#forgive();
    this.#retry.reset();
    this.#said = undefined;
    this.status.reconsider();
    this.#begin("new");
    return changed;
  }

  /** Whether what runs is what was asked for last, not something older. */
  get #isUpToDate(): boolean {
    return this.#running === this.#revision;
  }

  /**
   * Takes what a cell says of an http app's starts. One whose instances cannot be started is Failed, though it listens
   * and answers with the error, until a start succeeds.
   */
  noteStarts(count: number, failure: Failure | undefined): void {
    if (this.#serving === undefined) return;
    if (failure !== undefined) {
      const { code, message } = errorOf(failure);
      this.#startFailed = true;
      this.status.condition("Ready", "False", code, message);
      this.status.set("Failed", { reason: code, message: `${message}; fix: ${ERROR_CODES[code].fix}` });
    } else if (this.#startFailed && count > 0) {
      this.#startFailed = false;
      this.status.condition("Ready", "True", "Serving");
      this.status.set("Ready");
    }
  }

  /** Takes the app out of its cells, which it has ended too often; it starts again in one of its own. */
  quarantine({ deaths, delayMs }: Sentence): void {
    this.#attempt.abort();
    clearTimeout(this.#timer);
    const groups = this.#groups;
    this.#serving = undefined;
    this.#loading = undefined;
    this.#runs(undefined);
    const { fix } = ERROR_CODES.APP_QUARANTINED;
    const message = `its guests ended ${deaths} cells; it starts again in ${delayMs / 1000} s, in a cell of its own`;
    const line = `APP_QUARANTINED: ${message}; fix: ${fix}`;
    this.#context.logs([{ id: this.id, stream: "runtime", line }]);
    this.status.condition("Quarantined", "True", "APP_QUARANTINED", `its guests ended ${deaths} cells`);
    this.status.condition("Ready", "False", "APP_QUARANTINED", message);
    this.status.set("BackOff", { reason: "APP_QUARANTINED", message: `${message}; fix: ${fix}`, urls: [] });
    for (const group of groups) void group.unload(this.id).then(() => this.#context.endOwnCells(this.id));
    this.#timer = setTimeout(() => this.#begin("known"), delayMs);
  }

  /** It is another app now: what it did before says nothing of it. */
  #forgive(): void {
    const { quarantine } = this.#context;
    if (quarantine.isAlone(this.id)) this.status.condition("Quarantined", "False", "Changed");
    quarantine.forget(this.id);
  }

  get #groups(): CellGroup[] {
    return [...new Set([this.#serving?.group, this.#loading])].filter((group) => group !== undefined);
  }

  /** Takes the app off this node; resolves when nothing of it runs any more: requests under way end first. */
  async remove(): Promise<void> {
    const ended = this.leave();
    this.#context.ports.release(this.id);
    this.#context.store.removeVolumes(this.id);
    await ended;
  }

  /** Begins nothing more; what runs goes on. */
  halt(): void {
    this.#removed = true;
    this.#attempt.abort();
    clearTimeout(this.#timer);
  }

  /** Ends what runs of the app, and leaves its port and volumes to the runtime that takes the place of this one. */
  async leave(): Promise<void> {
    this.halt();
    const ended = [this.#command.stop(), ...this.#groups.map((group) => group.unload(this.id))];
    this.#letGo(() => true);
    await Promise.all(ended);
  }

  #begin(attemptOf: "new" | "known"): void {
    this.#attempt.abort();
    clearTimeout(this.#timer);
    this.#command.cancelRestart();
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#bringUp(++this.#revision, attemptOf, attempt.signal).catch((thrown: unknown) => {
      if (!attempt.signal.aborted) this.#fail(thrown);
    });
  }

  async #bringUp(revision: number, attemptOf: "new" | "known", signal: AbortSignal): Promise<void> {
    const { status } = this;
    const desired = this.#desired;
    if (desired.refusal !== undefined) throw desired.refusal;
    if (this.#serving === undefined) {
      // One that is tried again stays in its BackOff until that succeeds: there is nothing new to tell.
      if (attemptOf === "new") status.set("Preparing");
      // Before anything that takes a while, so that ports follow the order of the manifests and not of who is ready first.
      if (desired.trigger.kind === "http") await this.#assignPort(desired, signal);
    }
    const ready = await obtainArtifact(desired, this.#context, signal);
    if (ready.warning !== undefined) this.#context.logs([{ id: this.id, stream: "runtime", line: ready.warning }]);
    // What serves, or is about to, stays in the store until a later version serves in its place.
    this.#held.set(revision, ready.release);
    if (this.#removed) return this.#letGo(() => true);
    if (signal.aborted) return;
    try {
      await this.#start(revision, ready, signal);
    } catch (thrown) {
      this.#letGo((held) => held === revision);
      throw thrown;
    }
    if (signal.aborted) return;
    this.#said = undefined;
    this.#retry.reset();
    this.#letGo((held) => held !== revision);
  }

  async #start(revision: number, ready: ReadyArtifact, signal: AbortSignal): Promise<void> {
    const { status } = this;
    const desired = this.#desired;
    const { programs, phases } = ready;
    for (const { artifact, defaults } of programs) {
      checkTrigger(desired, artifact);
      checkImports(artifact, defaults.component !== undefined);
    }
    const { artifact } = toldProgram(ready);
    this.#context.metrics.observePreparation(desired, phases);
    this.#context.metrics.observeEngine(desired, artifact.engine, artifact.engineReason);
    status.started(phases);
    status.condition("Prepared", "True", "Prepared");
    const loaded = {
      digest: programs[0].artifact.digest,
      engine: artifact.engine,
      ...(artifact.engineReason !== undefined && { engineReason: artifact.engineReason }),
    };
    if (this.#serving === undefined) status.set("Starting", loaded);
    if (desired.trigger.kind === "command") {
      await this.#context.commandsMayRun;
      if (signal.aborted) return;
      const app = cellAppOf(desired, revision, ready, undefined, this.#context.store);
      this.#command.start(desired, app);
      this.#runs(revision);
      return;
    }
    await this.#serve(revision, ready, signal);
    if (!signal.aborted) {
      status.condition("Loaded", "True", "Loaded");
      status.condition("Ready", "True", "Serving");
      status.set("Ready", loaded);
    }
  }

  #runs(revision: number | undefined): void {
    this.#running = revision;
    this.status.runs(revision === undefined ? undefined : this.#desired.revision);
  }

  /** Lets the store remove the artifacts of the revisions that `isOver` names. */
  #letGo(isOver: (revision: number) => boolean): void {
    for (const [revision, release] of this.#held) {
      if (!isOver(revision)) continue;
      release();
      this.#held.delete(revision);
    }
  }

  async #serve(revision: number, ready: ReadyArtifact, signal: AbortSignal): Promise<void> {
    const desired = this.#desired;
    const { ports, host, store } = this.#context;
    const before = ports.portOf(this.id);
    const port = await this.#assignPort(desired, signal);
    if (signal.aborted) return;
    // A guest that nothing stops takes its cell with it: to neighbours it may do that to nobody.
    const canShare = ready.programs.every(({ artifact }) => isStoppable(artifact));
    const isAlone = this.#context.quarantine.isAlone(this.id);
    const name = canShare && !isAlone ? groupOf(desired, this.#context) : desired.id;
    const group = this.#context.cellsOf(name, isAlone ? 1 : undefined);
    // A listener cannot move: another port or group means a new one, and the old one drains.
    if (this.#serving !== undefined && (this.#serving.group !== group || before !== port)) {
      void this.#serving.group.unload(this.id);
      this.#serving = undefined;
      this.#runs(undefined);
    }
    this.#loading = group;
    const failure = await group.load(cellAppOf(desired, revision, ready, { host, port }, store));
    if (signal.aborted) return;
    this.#loading = undefined;
    if (failure !== undefined) throw errorOf(failure);
    this.#serving = { revision, group };
    this.#runs(revision);
    this.#startFailed = false;
    this.status.set(this.status.state, { urls: [`http://${host.includes(":") ? `[${host}]` : host}:${port}`] });
  }

  #assignPort(desired: DesiredApp, signal: AbortSignal): Promise<number> {
    return this.#context.ports.assign(this.id, desired.port, this.#context.wantedPorts(), signal);
  }

  /** Says why; tries again when the cause may pass. What serves already goes on serving. */
  #fail(thrown: unknown): void {
    const error =
      thrown instanceof WasmletError
        ? thrown
        : new WasmletError("RUNTIME_CELL_LOST", messageOf(thrown), { cause: thrown });
    const delayMs = this.#retry.after(error.code);
    const { where, expected, actual } = error.details;
    const details = [
      where && `where: ${where}`,
      expected && `expected: ${expected}`,
      actual && `got: ${actual}`,
    ].filter(Boolean);
    const message = [error.message, ...details, `fix: ${error.fix}`].join("; ");
    const line = `${error.code}: ${message}`;
    if (line !== this.#said) this.#context.logs([{ id: this.id, stream: "runtime", line }]);
    this.#said = line;
    this.status.condition(this.#serving ? "Loaded" : "Prepared", "False", error.code, error.message);
    if (this.#serving === undefined) this.status.condition("Ready", "False", error.code, error.message);
    const state = this.#serving !== undefined ? "Ready" : delayMs === undefined ? "Failed" : "BackOff";
    this.status.set(state, { reason: error.code, message });
    if (delayMs !== undefined) this.#timer = setTimeout(() => this.#begin("known"), delayMs);
  }
}

/** The cells that the app shares: those of all namespaces only where the runtime's owner says so too. */
function groupOf({ cellGroup, namespace }: DesiredApp, { sharedCells }: ControllerContext): string {
  return cellGroup === "" && !sharedCells ? namespace : cellGroup;
}

/** The program that is told of, of several: the first that is not on the fast engine, since that is what one wants to know. */
function toldProgram({ programs }: ReadyArtifact): ReadyProgram {
  return programs.find(({ artifact }) => artifact.engineReason !== undefined) ?? programs[0];
}

function errorOf({ code, message }: Failure): WasmletError {
  return new WasmletError(knownCode(code, "RUNTIME_CELL_LOST"), message);
}
