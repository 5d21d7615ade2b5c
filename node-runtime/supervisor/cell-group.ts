import type { AppStats, CellApp, Failure, FromCell, LogLine } from "../cell/protocol.ts";
import type { CellDeath, CellEvents, CellProcess } from "./cell-process.ts";
import { CellSlot } from "./cell-slot.ts";

/** What a group of cells tells its owner, and takes from it. */
export interface CellGroupOwner {
  /** Yields a process for one of its cells. */
  takeCell(events: CellEvents): CellProcess;
  logs(lines: LogLine[]): void;
  stats(stats: AppStats[], cell: number): void;
  /** A cell died unasked and is being replaced; the app that is known to have ended it may be taken out at once. */
  died(why: string, culprit: string | undefined): void;
  /** A cell that died was replaced, with all its apps. */
  replaced(milliseconds: number): void;
  /** The number of live cells changed. */
  changed(): void;
}

/** Cells that serve the same apps on the same ports; the kernel balances between them. A dead one is replaced. */
export class CellGroup {
  readonly #owner: CellGroupOwner;
  /** Its apps, and what its cells call them: numbers that are given once, so that no app is taken for another. */
  readonly #apps = new Map<string, { app: CellApp; number: number }>();
  /** Those that were taken out and whose requests under way have not all ended. */
  readonly #leaving = new Set<CellApp>();
  readonly #slots: CellSlot[] = [];
  #lastNumber = 0;
  #stopping = false;
  #drainers: (() => void)[] = [];
  #seq = 0;
  #collecting = new Map<number, { left: number; done: () => void }>();

  constructor(size: number, owner: CellGroupOwner) {
    this.#owner = owner;
    for (let index = 0; index < size; index++) this.#slots.push(this.#makeSlot(index));
  }

  get liveCells(): number {
    return this.#slots.filter(({ isServing }) => isServing).length;
  }

  get isEmpty(): boolean {
    return this.#apps.size === 0;
  }

  get pids(): number[] {
    return this.#slots.flatMap(({ pid }) => pid ?? []);
  }

  /** Loads the app into every cell; resolves to the first failure, or undefined when all serve it. */
  async load(ofNode: CellApp): Promise<Failure | undefined> {
    const app = shareOf(ofNode, this.#slots.length);
    const before = this.#apps.get(app.id);
    const entry = { app, number: before?.number ?? ++this.#lastNumber };
    this.#apps.set(app.id, entry);
    this.#setDeadlines();
    const outcomes = await Promise.all(this.#slots.map((slot) => slot.load(app, entry.number)));
    const failure = outcomes.find((outcome) => outcome !== undefined);
    // A cell that is replaced later must get the version that serves, not the one that failed.
    if (failure !== undefined && this.#apps.get(app.id) === entry) {
      if (before === undefined) this.#apps.delete(app.id);
      else this.#apps.set(app.id, before);
    }
    return failure;
  }

  /** Takes the app out of every cell; requests under way end first. Resolves when no cell runs it any more. */
  async unload(id: string): Promise<void> {
    const app = this.#apps.get(id)?.app;
    this.#apps.delete(id);
    // Its guests have the time that they had, and its neighbours a cell that lives as long.
    if (app !== undefined) this.#leaving.add(app);
    await Promise.all(this.#slots.map((slot) => slot.unload(id)));
    if (app !== undefined) this.#leaving.delete(app);
    this.#setDeadlines();
  }

  /** Asks every cell for its counters; resolves when all answered or `timeoutMs` passed. */
  async collect(timeoutMs: number): Promise<void> {
    const live = this.#slots.filter(({ isServing }) => isServing);
    if (live.length === 0) return;
    const seq = ++this.#seq;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#collecting.set(seq, { left: live.length, done: resolve });
    for (const slot of live) slot.send({ type: "collect", seq });
    await promise;
    clearTimeout(timer);
    this.#collecting.delete(seq);
  }

  /** Drains all cells, then ends them; what is not done after `graceMs` is cut. */
  async stop(graceMs: number): Promise<void> {
    this.#close();
    const live = this.#slots.filter(({ isAlive }) => isAlive);
    let left = live.length;
    const drained = new Promise<void>((resolve) => {
      if (left === 0) resolve();
      this.#drainers.push(() => {
        if (--left === 0) resolve();
      });
    });
    for (const slot of live) slot.send({ type: "drain", graceMs });
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, graceMs + 500).unref());
    await Promise.race([drained, timeout]);
    for (const slot of live) slot.kill();
    await Promise.all(live.map(({ ended }) => ended));
  }

  /** Ends all cells at once. */
  kill(): void {
    this.#close();
    for (const slot of this.#slots) slot.kill();
  }

  #close(): void {
    this.#stopping = true;
    for (const slot of this.#slots) slot.close();
  }

  #makeSlot(index: number): CellSlot {
    return new CellSlot({
      apps: () => [...this.#apps.values()],
      takeCell: (events) => this.#owner.takeCell(events),
      longestRequestMs: () => this.#longestRequestMs(),
      receive: (message) => this.#receive(index, message),
      changed: () => this.#owner.changed(),
      died: (death) => this.#died(death),
      replaced: (milliseconds) => this.#owner.replaced(milliseconds),
    });
  }

  #longestRequestMs(): number {
    const apps = [...[...this.#apps.values()].map(({ app }) => app), ...this.#leaving];
    return apps.reduce((longest, { requestTimeoutMs }) => Math.max(longest, requestTimeoutMs), 0);
  }

  #setDeadlines(): void {
    for (const slot of this.#slots) slot.setDeadline();
  }

  #receive(index: number, message: FromCell): void {
    if (message.type === "logs") return this.#owner.logs(message.lines);
    if (message.type === "drained") return this.#drainers.forEach((drained) => drained());
    if (message.type !== "stats") return;
    this.#owner.stats(message.apps, index);
    const collecting = this.#collecting.get(message.seq);
    if (collecting !== undefined && --collecting.left === 0) collecting.done();
  }

  #died({ why, culprit }: CellDeath): void {
    for (const { done } of this.#collecting.values()) done();
    if (this.#stopping) return this.#drainers.forEach((drained) => drained());
    const entry = [...this.#apps.values()].find(({ number }) => number === culprit);
    this.#owner.died(why, entry?.app.id);
  }
}

/** Returns what each of several cells gets: what a node accepts per second is split, and no less than that in sum. */
function shareOf(app: CellApp, cells: number): CellApp {
  const { requestsPerSecond } = app;
  if (requestsPerSecond === undefined) return app;
  return { ...app, requestsPerSecond: Math.ceil(requestsPerSecond / cells) };
}
