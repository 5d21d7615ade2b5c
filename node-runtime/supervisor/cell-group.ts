import type { AppStats, CellApp, Failure, FromCell, LogLine } from "../cell/protocol.ts";
import { CellProcess } from "./cell-process.ts";

/** Delay before the nth replacement in a row of a cell that dies young. */
const RESTART_DELAYS_MS = [0, 0, 100, 500, 1000, 5000, 10_000];
/** A cell that lived this long died of something new. */
const LONG_LIFE_MS = 60_000;

/** What a group of cells tells its owner. */
export interface CellGroupEvents {
  logs(lines: LogLine[]): void;
  stats(stats: AppStats[], cell: number): void;
  /** A cell died unasked and is being replaced. */
  died(why: string): void;
  /** The number of live cells changed. */
  changed(): void;
}

interface LoadWaiter {
  revision: number;
  settle(error: Failure | undefined): void;
}

/** One place in a group: the process in it now, and what it waits for. */
interface Slot {
  index: number;
  process: CellProcess;
  bornMs: number;
  deaths: number;
  ready: boolean;
  waiters: Map<string, LoadWaiter>;
  /** Apps that it was told to take out, how often, and who waits until all of that is done. */
  unloading: Map<string, { left: number; done: PromiseWithResolvers<void> }>;
}

/** Cells that serve the same apps on the same ports; the kernel balances between them. A dead one is replaced. */
export class CellGroup {
  readonly #events: CellGroupEvents;
  readonly #apps = new Map<string, CellApp>();
  readonly #slots: Slot[] = [];
  #stopping = false;
  #drainers: (() => void)[] = [];
  #seq = 0;
  #collecting = new Map<number, { left: number; done: () => void }>();

  constructor(size: number, events: CellGroupEvents) {
    this.#events = events;
    for (let index = 0; index < size; index++) this.#slots.push(this.#spawn(index, 0));
  }

  get liveCells(): number {
    return this.#slots.filter(({ process, ready }) => ready && process.isAlive).length;
  }

  get isEmpty(): boolean {
    return this.#apps.size === 0;
  }

  get pids(): number[] {
    return this.#slots.flatMap(({ process }) => (process.isAlive && process.pid !== undefined ? [process.pid] : []));
  }

  /** Loads the app into every cell; resolves to the first failure, or undefined when all serve it. */
  async load(ofNode: CellApp): Promise<Failure | undefined> {
    const app = shareOf(ofNode, this.#slots.length);
    const before = this.#apps.get(app.id);
    this.#apps.set(app.id, app);
    this.#setDeadlines();
    const outcomes = await Promise.all(this.#slots.map((slot) => this.#loadInto(slot, app)));
    const failure = outcomes.find((outcome) => outcome !== undefined);
    // A cell that is replaced later must get the version that serves, not the one that failed.
    if (failure !== undefined && this.#apps.get(app.id) === app) {
      if (before === undefined) this.#apps.delete(app.id);
      else this.#apps.set(app.id, before);
    }
    return failure;
  }

  /** Takes the app out of every cell; requests under way end first. Resolves when no cell runs it any more. */
  async unload(id: string): Promise<void> {
    this.#apps.delete(id);
    this.#setDeadlines();
    await Promise.all(this.#slots.map((slot) => this.#unloadFrom(slot, id)));
  }

  /** Asks every cell for its counters; resolves when all answered or `timeoutMs` passed. */
  async collect(timeoutMs: number): Promise<void> {
    const live = this.#slots.filter(({ process, ready }) => ready && process.isAlive);
    if (live.length === 0) return;
    const seq = ++this.#seq;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#collecting.set(seq, { left: live.length, done: resolve });
    for (const { process } of live) process.send({ type: "collect", seq });
    await promise;
    clearTimeout(timer);
    this.#collecting.delete(seq);
  }

  /** Drains all cells, then ends them; what is not done after `graceMs` is cut. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const live = this.#slots.filter(({ process }) => process.isAlive);
    let left = live.length;
    const drained = new Promise<void>((resolve) => {
      if (left === 0) resolve();
      this.#drainers.push(() => {
        if (--left === 0) resolve();
      });
    });
    for (const { process } of live) process.send({ type: "drain", graceMs });
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, graceMs + 500).unref());
    await Promise.race([drained, timeout]);
    for (const { process } of live) process.kill();
    await Promise.all(live.map(({ process }) => process.ended));
  }

  /** Ends all cells at once. */
  kill(): void {
    this.#stopping = true;
    for (const { process } of this.#slots) process.kill();
  }

  #spawn(index: number, deaths: number): Slot {
    const slot: Slot = {
      index,
      deaths,
      bornMs: performance.now(),
      ready: false,
      waiters: new Map(),
      unloading: new Map(),
      process: new CellProcess(
        { message: (message) => this.#receive(slot, message), exit: (why) => this.#died(slot, why) },
        { heartbeat: true },
      ),
    };
    return slot;
  }

  #setDeadlines(): void {
    const timeouts = [...this.#apps.values()].map(({ requestTimeoutMs }) => requestTimeoutMs);
    for (const { process } of this.#slots) process.longestRequestMs = Math.max(0, ...timeouts);
  }

  #loadInto(slot: Slot, app: CellApp): Promise<Failure | undefined> {
    return new Promise((settle) => {
      slot.waiters.get(app.id)?.settle(undefined);
      slot.waiters.set(app.id, { revision: app.revision, settle });
      if (slot.ready) slot.process.send({ type: "load", app });
    });
  }

  #unloadFrom(slot: Slot, id: string): Promise<void> {
    this.#settle(slot, id, slot.waiters.get(id)?.revision, undefined);
    // A cell that is not ready got no app yet, and gets this one no more.
    if (!slot.ready || !slot.process.isAlive) return Promise.resolve();
    const unloading = slot.unloading.get(id) ?? { left: 0, done: Promise.withResolvers<void>() };
    unloading.left++;
    slot.unloading.set(id, unloading);
    slot.process.send({ type: "unload", id });
    return unloading.done.promise;
  }

  #unloaded(slot: Slot, id: string): void {
    const unloading = slot.unloading.get(id);
    if (unloading === undefined || --unloading.left > 0) return;
    slot.unloading.delete(id);
    unloading.done.resolve();
  }

  #receive(slot: Slot, message: FromCell): void {
    switch (message.type) {
      case "ready":
        slot.ready = true;
        for (const app of this.#apps.values()) slot.process.send({ type: "load", app });
        return this.#events.changed();
      case "loaded":
        return this.#settle(slot, message.id, message.revision, undefined);
      case "load-failed":
        return this.#settle(slot, message.id, message.revision, message.error);
      case "logs":
        return this.#events.logs(message.lines);
      case "stats": {
        this.#events.stats(message.apps, slot.index);
        const collecting = this.#collecting.get(message.seq);
        if (collecting !== undefined && --collecting.left === 0) collecting.done();
        return;
      }
      case "drained":
        return this.#drainers.forEach((drained) => drained());
      case "unloaded":
        return this.#unloaded(slot, message.id);
      case "exited":
      case "pong":
        return;
    }
  }

  #settle(slot: Slot, id: string, revision: number | undefined, failure: Failure | undefined): void {
    const waiter = slot.waiters.get(id);
    if (waiter === undefined || waiter.revision !== revision) return;
    slot.waiters.delete(id);
    waiter.settle(failure);
  }

  /** Replaces a dead cell; whoever waits for a load waits for the replacement's. */
  #died(slot: Slot, why: string): void {
    this.#events.changed();
    for (const { done } of this.#collecting.values()) done();
    for (const { done } of slot.unloading.values()) done.resolve();
    if (this.#stopping) return this.#drainers.forEach((drained) => drained());
    this.#events.died(why);
    const deaths = performance.now() - slot.bornMs > LONG_LIFE_MS ? 0 : slot.deaths + 1;
    const delayMs = RESTART_DELAYS_MS[Math.min(deaths, RESTART_DELAYS_MS.length - 1)]!;
    const replace = (): void => {
      if (this.#stopping) return;
      const next = this.#spawn(slot.index, deaths);
      next.waiters = slot.waiters;
      this.#slots[slot.index] = next;
      this.#setDeadlines();
    };
    if (delayMs === 0) replace();
    else setTimeout(replace, delayMs);
  }
}

/** Returns what each of several cells gets: what a node accepts per second is split, and no less than that in sum. */
function shareOf(app: CellApp, cells: number): CellApp {
  const { requestsPerSecond } = app;
  if (requestsPerSecond === undefined) return app;
  return { ...app, requestsPerSecond: Math.ceil(requestsPerSecond / cells) };
}
