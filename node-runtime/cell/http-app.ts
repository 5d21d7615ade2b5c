import type { Exchange } from "../http1/exchange.ts";
import { Listener } from "../http1/listener.ts";
import { answerTo } from "./answers.ts";
import { Deadlines } from "./deadlines.ts";
import { Guest } from "./guest.ts";
import { InstancePool } from "./instance-pool.ts";
import type { LineBudget } from "./log-lines.ts";
import type { AppStats, CellApp, LogLine } from "./protocol.ts";
import { RequestRun } from "./request-run.ts";
import type { StatsCollector } from "./stats.ts";

/** One version of an app: its guest, the instances of it, and when their requests must be over. */
interface Version {
  guest: Guest;
  pool: InstancePool;
  deadlines: Deadlines;
}

/** An http app in this cell: its listening socket, which outlives versions, and the version that serves. */
export class HttpApp {
  readonly #listener: Listener;
  readonly #stats: StatsCollector;
  readonly #lineBudget: LineBudget;
  readonly #log: (line: LogLine) => void;
  #current: Version;
  #retired: Version[] = [];
  #idleTimer: NodeJS.Timeout | undefined;
  #idleSinceMs = 0;
  #inFlight = 0;
  #isClosing = false;

  constructor(app: CellApp, log: (line: LogLine) => void, stats: StatsCollector, lineBudget: LineBudget) {
    this.#log = log;
    this.#stats = stats;
    this.#lineBudget = lineBudget;
    this.#current = this.#makeVersion(app);
    this.#listener = new Listener({
      serve: (exchange) => this.#serve(exchange),
      refuse: ({ kind, message }) =>
        answerTo(kind === "head-too-large" ? "REQUEST_HEADERS_TOO_LARGE" : "REQUEST_MALFORMED", message),
    });
  }

  /** Resolves once the port is listened on and the first request will find all made; rejects with Node's error when the port is taken. */
  async listen(): Promise<void> {
    const { guest } = this.#current;
    await this.#listener.listen(guest.app.listen);
    await guest.warmUp();
  }

  /** Swaps in a new version: requests under way end in the old one, the next goes to the new one. */
  async replace(app: CellApp): Promise<void> {
    const next = this.#makeVersion(app);
    await next.guest.warmUp();
    const old = this.#current;
    this.#current = next;
    this.#retired.push(old);
    old.pool.close();
    this.#forgetRetired();
  }

  /** Stops accepting and resolves when every accepted request is answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#idleTimer);
    await this.#listener.close();
    this.#current.pool.close();
  }

  /** What happened since the last call. */
  takeStats(): AppStats {
    const versions = [this.#current, ...this.#retired];
    return {
      id: this.#current.guest.app.id,
      ...this.#stats.take(),
      logDropped: this.#lineBudget.takeDropped(),
      instances: versions.reduce((sum, { guest }) => sum + guest.instanceCount, 0),
      memoryBytes: versions.reduce((sum, { guest }) => sum + guest.memoryBytes(), 0),
      standbyBytes: versions.reduce((sum, { guest }) => sum + guest.standbyBytes(), 0),
      inFlight: this.#inFlight,
    };
  }

  #makeVersion(app: CellApp): Version {
    const guest = new Guest(app, this.#log, this.#stats, this.#lineBudget);
    guest.check();
    return { guest, pool: new InstancePool(guest), deadlines: new Deadlines(app.requestTimeoutMs) };
  }

  #serve(exchange: Exchange): void {
    const { guest, pool, deadlines } = this.#current;
    this.#inFlight++;
    new RequestRun(guest, pool, exchange, deadlines, this.#onOver).begin();
  }

  readonly #onOver = (): void => {
    this.#inFlight--;
    if (this.#retired.length > 0) this.#forgetRetired();
    if (this.#inFlight > 0 || this.#isClosing) return;
    this.#idleSinceMs = performance.now();
    this.#idleTimer ??= this.#armIdle(this.#current.guest.app.idleMs);
  };

  /** Has the app scaled to zero when nothing was asked of it for a while. The timer runs on through requests. */
  #armIdle(delayMs: number): NodeJS.Timeout | undefined {
    if (this.#current.guest.app.idleMs === 0) return undefined;
    return setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#inFlight > 0) return;
      const { guest, pool } = this.#current;
      const leftMs = this.#idleSinceMs + guest.app.idleMs - performance.now();
      if (leftMs > 0) this.#idleTimer = this.#armIdle(Math.ceil(leftMs));
      else pool.trim();
    }, delayMs).unref();
  }

  #forgetRetired(): void {
    this.#retired = this.#retired.filter(({ guest }) => guest.instanceCount > 0);
  }
}
