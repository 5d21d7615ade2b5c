import { Backoff } from "../../common/backoff.ts";
import { CellProcess, type CellEvents } from "./cell-process.ts";

/** After one was taken: starting another at once would take the processor from the one that gets its apps now. */
const REFILL_MS = 500;
/** The longest pause where spares die before anybody takes one: each start costs the processor. */
const MAX_REFILL_MS = 60_000;

/** What the pool tells its owner. */
export interface SpareCellEvents {
  /** The number of spares that are ready changed. */
  changed(ready: number): void;
  /** A group got a cell: one that stood by, if only starting, or a new one. */
  taken(from: "spare" | "new"): void;
}

/**
 * Cell processes that are started before anybody needs one. A spare has no app before it is taken, and is never given back:
 * what a guest may have done to a process stays in it.
 */
export class SpareCells {
  readonly #size: number;
  readonly #events: SpareCellEvents;
  readonly #start: (events: CellEvents) => CellProcess;
  readonly #spares = new Set<CellProcess>();
  readonly #retry = new Backoff(REFILL_MS, MAX_REFILL_MS);
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    size: number,
    events: SpareCellEvents,
    start = (events: CellEvents): CellProcess => new CellProcess(events, { heartbeat: true }),
  ) {
    this.#size = size;
    this.#events = events;
    this.#start = start;
  }

  get pids(): number[] {
    return [...this.#spares].flatMap(({ pid, isAlive }) => (isAlive ? (pid ?? []) : []));
  }

  /** Starts as many as are missing. */
  fill(): void {
    while (!this.#isStopped && this.#spares.size < this.#size) this.#add();
  }

  /** Returns a process for a group: a spare that is ready, else one that has begun to start, else a new one. */
  take(events: CellEvents): CellProcess {
    const alive = [...this.#spares].filter(({ isAlive }) => isAlive);
    const spare = alive.find(({ isReady }) => isReady) ?? alive[0];
    this.#events.taken(spare === undefined ? "new" : "spare");
    this.#refillAfter(REFILL_MS);
    if (spare === undefined) return this.#start(events);
    this.#retry.reset();
    this.#spares.delete(spare);
    spare.handOver(events);
    this.#changed();
    return spare;
  }

  /** Ends them all; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const spares = [...this.#spares];
    for (const spare of spares) spare.kill();
    await Promise.all(spares.map(({ ended }) => ended));
  }

  #add(): void {
    const spare = this.#start({
      message: ({ type }) => {
        if (type === "ready") this.#changed();
      },
      exit: () => {
        this.#spares.delete(spare);
        this.#changed();
        this.#refillAfter(this.#retry.next());
      },
    });
    this.#spares.add(spare);
  }

  #refillAfter(delayMs: number): void {
    if (this.#isStopped || this.#spares.size > this.#size) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fill(), delayMs);
  }

  #changed(): void {
    this.#events.changed([...this.#spares].filter(({ isReady }) => isReady).length);
  }
}
