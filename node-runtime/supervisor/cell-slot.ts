import type { CellApp, Failure, FromCell, ToCell } from "../cell/protocol.ts";
import type { CellDeath, CellEvents, CellProcess } from "./cell-process.ts";

/** Delay before the nth replacement in a row of a cell that hardly comes to serve: more would only cost the processor. */
const RESTART_DELAYS_MS = [0, 0, 100, 500, 1000, 5000, 10_000];
/** A cell that had all its apps for this long can serve: while it is away its apps are refused, so it is replaced at once. */
const SERVED_MS = 1000;

/** The group that a slot belongs to. */
export interface SlotOwner {
  /** What each cell of the group runs. */
  apps(): readonly { app: CellApp; number: number }[];
  /** Yields a process, one that stood by where there is one. */
  takeCell(events: CellEvents): CellProcess;
  longestRequestMs(): number;
  /** Takes what is not between the slot and its cell. */
  receive(message: FromCell): void;
  changed(): void;
  /** The cell is gone; it is replaced next, unless the slot was closed by then. */
  died(death: CellDeath): void;
  /** The replacement has all apps. */
  replaced(milliseconds: number): void;
}

interface LoadWaiter {
  revision: number;
  settle(error: Failure | undefined): void;
}

/** One place in a group: the process in it now, and what is awaited of it. A process that dies is replaced. */
export class CellSlot {
  readonly #owner: SlotOwner;
  #process: CellProcess;
  /** Since when it has all its apps. */
  #servesSinceMs = Infinity;
  #deaths = 0;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiters = new Map<string, LoadWaiter>();
  /** Apps that it was told to take out, how often, and who waits until all of that is done. */
  readonly #unloading = new Map<string, { left: number; done: PromiseWithResolvers<void> }>();
  /** When the process before died, and the apps that its replacement does not have yet. */
  #replacement: { diedMs: number; missing: Set<string> } | undefined;

  constructor(owner: SlotOwner) {
    this.#owner = owner;
    this.#process = this.#occupy();
  }

  /** Whether its cell is alive and takes apps. */
  get isServing(): boolean {
    return this.#process.isReady;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  get pid(): number | undefined {
    return this.#process.isAlive ? this.#process.pid : undefined;
  }

  /** Resolves once the process that is in it now is gone. */
  get ended(): Promise<void> {
    return this.#process.ended;
  }

  send(message: ToCell): void {
    this.#process.send(message);
  }

  /** Takes the longest request timeout of the group's apps anew. */
  setDeadline(): void {
    this.#process.longestRequestMs = this.#owner.longestRequestMs();
  }

  /** Gives the cell an app; resolves to why it cannot have it, or undefined when it serves it. */
  load(app: CellApp, number: number): Promise<Failure | undefined> {
    return new Promise((settle) => {
      this.#waiters.get(app.id)?.settle(undefined);
      this.#waiters.set(app.id, { revision: app.revision, settle });
      if (this.isServing) this.send({ type: "load", app, number });
    });
  }

  /** Takes an app out; resolves when the cell does not run it any more. */
  unload(id: string): Promise<void> {
    this.#settle(id, this.#waiters.get(id)?.revision, undefined);
    // A cell that is not ready got no app yet, and gets this one no more.
    if (!this.isServing) return Promise.resolve();
    const unloading = this.#unloading.get(id) ?? { left: 0, done: Promise.withResolvers<void>() };
    unloading.left++;
    this.#unloading.set(id, unloading);
    this.send({ type: "unload", id });
    return unloading.done.promise;
  }

  /** Replaces its process no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  kill(): void {
    this.#process.kill();
  }

  #occupy(): CellProcess {
    const cell = this.#owner.takeCell({
      message: (message) => this.#receive(message),
      exit: (death) => this.#died(death),
    });
    cell.longestRequestMs = this.#owner.longestRequestMs();
    return cell;
  }

  #receive(message: FromCell): void {
    switch (message.type) {
      case "ready":
        return this.#ready();
      case "loaded":
        this.#settle(message.id, message.revision, undefined);
        return this.#has(message.id);
      case "load-failed":
        this.#settle(message.id, message.revision, message.error);
        return this.#has(message.id);
      case "unloaded":
        return this.#unloaded(message.id);
      default:
        return this.#owner.receive(message);
    }
  }

  #ready(): void {
    const apps = this.#owner.apps();
    if (this.#replacement === undefined) this.#servesSinceMs = performance.now();
    else this.#replacement.missing = new Set(apps.map(({ app }) => app.id));
    for (const { app, number } of apps) this.send({ type: "load", app, number });
    this.#owner.changed();
    this.#has(undefined);
  }

  /** An app is where it was before the cell died. */
  #has(id: string | undefined): void {
    if (this.#replacement === undefined) return;
    const { diedMs, missing } = this.#replacement;
    if (id !== undefined) missing.delete(id);
    if (missing.size > 0) return;
    this.#replacement = undefined;
    this.#servesSinceMs = performance.now();
    this.#owner.replaced(this.#servesSinceMs - diedMs);
  }

  #unloaded(id: string): void {
    this.#has(id);
    const unloading = this.#unloading.get(id);
    if (unloading === undefined || --unloading.left > 0) return;
    this.#unloading.delete(id);
    unloading.done.resolve();
  }

  #settle(id: string, revision: number | undefined, failure: Failure | undefined): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined || waiter.revision !== revision) return;
    this.#waiters.delete(id);
    waiter.settle(failure);
  }

  /** Whoever waits for a load waits for the replacement's. */
  #died(death: CellDeath): void {
    const diedMs = performance.now();
    for (const { done } of this.#unloading.values()) done.resolve();
    this.#unloading.clear();
    this.#owner.changed();
    this.#owner.died(death);
    if (this.#isClosed) return;
    // An app that is known to have done it is dealt with by itself: its neighbours wait for nothing.
    const hasServed = diedMs - this.#servesSinceMs >= SERVED_MS;
    this.#deaths = hasServed || death.culprit !== undefined ? 0 : this.#deaths + 1;
    this.#servesSinceMs = Infinity;
    this.#replacement = { diedMs, missing: new Set() };
    const delayMs = RESTART_DELAYS_MS[Math.min(this.#deaths, RESTART_DELAYS_MS.length - 1)]!;
    if (delayMs === 0) this.#replace();
    else this.#timer = setTimeout(() => this.#replace(), delayMs);
  }

  #replace(): void {
    this.#process = this.#occupy();
    if (this.#process.isReady) this.#ready();
  }
}
