import { LoadConnection, type Outcome } from "./load-connection.ts";

/*
 * Load on one URL, from an open loop: each request has its time, whatever became of those before it, and its latency is
 * counted from there. A request for which no connection is free gets a new one; beyond `connections` it is not sent, and
 * counts as that. The client gives up at the deadline, closing its connection, as clients do.
 */

/** What a load is. */
export interface Load {
  url: string;
  seconds: number;
  /** Connections that may be open at once. */
  connections: number;
  deadlineMs: number;
  /** Requests per second, at random times that come so often; undefined has each connection send one after another. */
  rate?: number | undefined;
  /** The first seconds, which are not counted. */
  warmUpSeconds?: number;
  /** Sends each request at its very time, which keeps a core busy; else those of a millisecond are sent together. */
  isPrecise?: boolean;
}

/** What came of a load. */
export interface LoadResult {
  /** Requests by the status of their answers, or `cut`, `late` (no answer within the deadline) or `unsent` (no connection was free). */
  counts: Record<string, number>;
  /** Of each answer 200 within its deadline. */
  latenciesMicros: number[];
  seconds: number;
  cpuSeconds: number;
}

/** Pure: the times of a Poisson process, in milliseconds from its begin. */
export class Arrivals {
  readonly #meanMs: number;
  readonly #random: () => number;
  #nextMs = 0;

  constructor(rate: number, random: () => number = Math.random) {
    this.#meanMs = 1000 / rate;
    this.#random = random;
    this.#advance();
  }

  /** When the next one is due. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Returns the time of the next one if that has come by `nowMs`. */
  take(nowMs: number): number | undefined {
    const due = this.#nextMs;
    if (due > nowMs) return undefined;
    this.#advance();
    return due;
  }

  #advance(): void {
    this.#nextMs += -Math.log(1 - this.#random()) * this.#meanMs;
  }
}

interface Pending {
  connection: LoadConnection;
  intendedMs: number;
}

/** How long before a precise request's time the timer rings. */
const SPIN_MS = 2;

/** One load while it runs. */
export class LoadRun {
  readonly #load: Load;
  readonly #url: URL;
  readonly #idle: LoadConnection[] = [];
  /** In the order of their times, and so of their deadlines. */
  readonly #pending = new Set<Pending>();
  readonly #counts: Record<string, number> = {};
  readonly #latencies: number[] = [];
  #open = 0;
  #beginMs = 0;
  #isOver = false;

  constructor(load: Load) {
    this.#load = load;
    this.#url = new URL(load.url);
  }

  /** Resolves to what came of it, once its last request is answered or late. */
  async run(): Promise<LoadResult> {
    const { seconds, warmUpSeconds = 0, deadlineMs, rate } = this.#load;
    this.#beginMs = performance.now();
    const endMs = (warmUpSeconds + seconds) * 1000;
    const cpu = process.cpuUsage();
    if (rate === undefined) await this.#runClosed(endMs);
    else await this.#runOpen(new Arrivals(rate), endMs);
    const used = process.cpuUsage(cpu);
    const wallSeconds = this.#now() / 1000;
    this.#isOver = true;
    while (this.#pending.size > 0 && this.#now() < endMs + deadlineMs * 2) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.#expireUnread();
    }
    for (const connection of this.#idle) connection.abandon();
    return {
      counts: this.#counts,
      latenciesMicros: this.#latencies,
      seconds,
      // A warm-up's is about the same in each second.
      cpuSeconds: ((used.user + used.system) / 1e6) * (seconds / wallSeconds),
    };
  }

  #now(): number {
    return performance.now() - this.#beginMs;
  }

  async #runOpen(arrivals: Arrivals, endMs: number): Promise<void> {
    for (let now = this.#now(); now < endMs; now = this.#now()) {
      for (let due = arrivals.take(now); due !== undefined; due = arrivals.take(now)) this.#ask(due);
      await this.#untilNext(arrivals.nextMs - this.#now());
      await this.#expireUnread();
    }
  }

  #untilNext(leftMs: number): Promise<void> {
    if (this.#load.isPrecise !== true) return new Promise((resolve) => setTimeout(resolve, 1));
    if (leftMs < SPIN_MS) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => setTimeout(resolve, Math.min(leftMs - SPIN_MS, SPIN_MS)));
  }

  async #runClosed(endMs: number): Promise<void> {
    for (let index = 0; index < this.#load.connections; index++) this.#ask(0);
    while (this.#now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.#expireUnread();
    }
  }

  #ask(intendedMs: number): void {
    const connection = this.#connection();
    if (connection === undefined) return this.#count("unsent", intendedMs);
    const pending = { connection, intendedMs };
    this.#pending.add(pending);
    connection.send((outcome) => this.#answered(pending, outcome));
  }

  #connection(): LoadConnection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) if (idle.isUsable) return idle;
    if (this.#open >= this.#load.connections) return undefined;
    this.#open++;
    return new LoadConnection(this.#url, () => this.#open--);
  }

  #answered(pending: Pending, outcome: Outcome): void {
    this.#pending.delete(pending);
    const { connection, intendedMs } = pending;
    if (connection.isUsable) this.#idle.push(connection);
    const tookMs = this.#now() - intendedMs;
    const isLate = tookMs > this.#load.deadlineMs;
    this.#count(isLate ? "late" : String(outcome), intendedMs);
    const isGood = outcome === 200 && !isLate;
    if (isGood && this.#isCounted(intendedMs)) this.#latencies.push(Math.round(tookMs * 1000));
    if (this.#load.rate === undefined && !this.#isOver) this.#askAgain();
  }

  /** Not at once: the connection is in the middle of its answer. */
  #askAgain(): void {
    queueMicrotask(() => this.#ask(this.#now()));
  }

  /** What has come by now is read first, late or not: this process may have been the slow one. */
  async #expireUnread(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#expire();
  }

  /** Gives up on what has had its time. */
  #expire(): void {
    const now = this.#now();
    for (const pending of this.#pending) {
      if (pending.intendedMs + this.#load.deadlineMs > now) return;
      this.#pending.delete(pending);
      this.#count("late", pending.intendedMs);
      pending.connection.abandon();
      if (this.#load.rate === undefined && !this.#isOver) this.#askAgain();
    }
  }

  #count(outcome: string, intendedMs: number): void {
    if (this.#isCounted(intendedMs)) this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1;
  }

  #isCounted(intendedMs: number): boolean {
    return intendedMs >= (this.#load.warmUpSeconds ?? 0) * 1000;
  }
}
