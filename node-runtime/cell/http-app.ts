import type { Exchange } from "../http1/exchange.ts";
import { Listener } from "../http1/listener.ts";
import { answerTo } from "./answers.ts";
import { Deadlines } from "./deadlines.ts";
import { Guest } from "./guest.ts";
import { InstancePool } from "./instance-pool.ts";
import type { LineBudget } from "./log-lines.ts";
import { Places } from "./places.ts";
import { guestAppsOf, type AppStats, type CellApp, type LogLine } from "./protocol.ts";
import { rateAfter, type RequestRate } from "./request-rate.ts";
import { RequestRun, type Destination, type RequestLimits } from "./request-run.ts";
import { SpinRouter } from "./spin-router.ts";
import type { StatsCollector } from "./stats.ts";
import { THREAD } from "./time-slice.ts";
import { WaitingLine } from "./waiting-line.ts";

/** How much of its time a request may wait: one that waits longer is likely to come to nothing, and others are better served. */
const MAX_WAIT = 0.5;

/** One version of an app: its programs, which of them a request is for, and what requests are held to. */
interface Version extends RequestLimits {
  app: CellApp;
  programs: readonly [Destination, ...Destination[]];
  router: SpinRouter | undefined;
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
    this.#current = this.#makeVersion(app, undefined);
    this.#listener = new Listener({
      accepted: THREAD.accepted,
      serve: (exchange) => this.#serve(exchange),
      refuse: ({ kind, message }) =>
        answerTo(kind === "head-too-large" ? "REQUEST_HEADERS_TOO_LARGE" : "REQUEST_MALFORMED", message),
    });
  }

  /** Resolves once the port is listened on and the first request will find all made; rejects with Node's error when the port is taken. */
  async listen(): Promise<void> {
    await this.#listener.listen(this.#current.app.listen);
    await warmUp(this.#current);
  }

  /** Swaps in a new version: requests under way end in the old one, the next goes to the new one. */
  async replace(app: CellApp): Promise<void> {
    const next = this.#makeVersion(app, this.#current.rate);
    await warmUp(next);
    const old = this.#current;
    this.#current = next;
    this.#retired.push(old);
    closePools(old);
    this.#forgetRetired();
  }

  /** Stops accepting and resolves when every accepted request is answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#idleTimer);
    await this.#listener.close();
    closePools(this.#current);
  }

  /** What happened since the last call. */
  takeStats(): AppStats {
    const guests = [this.#current, ...this.#retired].flatMap(({ programs }) => programs.map(({ guest }) => guest));
    return {
      id: this.#current.app.id,
      ...this.#stats.take(),
      logDropped: this.#lineBudget.takeDropped(),
      instances: guests.reduce((sum, guest) => sum + guest.instanceCount, 0),
      memoryBytes: guests.reduce((sum, guest) => sum + guest.memoryBytes(), 0),
      standbyBytes: guests.reduce((sum, guest) => sum + guest.standbyBytes(), 0),
      inFlight: this.#inFlight,
    };
  }

  #makeVersion(app: CellApp, rate: RequestRate | undefined): Version {
    const places = new Places(app.concurrency);
    const [first, ...others] = guestAppsOf(app).map((program): Destination => {
      const guest = new Guest(program, this.#log, this.#stats, this.#lineBudget);
      guest.check();
      return { guest, pool: new InstancePool(guest, places) };
    });
    const programs = [first!, ...others] as const;
    const router = app.routes && new SpinRouter(app.routes, programs);
    const deadlines = new Deadlines(app.requestTimeoutMs);
    const line = new WaitingLine(app.requestTimeoutMs * MAX_WAIT);
    return { app, programs, router, deadlines, line, rate: rateAfter(rate, app.requestsPerSecond) };
  }

  #serve(exchange: Exchange): void {
    const { programs, router } = this.#current;
    const destination = router === undefined ? programs[0] : router.route(exchange);
    this.#inFlight++;
    new RequestRun(destination, exchange, this.#current, this.#onOver).begin();
  }

  readonly #onOver = (): void => {
    this.#inFlight--;
    if (this.#retired.length > 0) this.#forgetRetired();
    if (this.#inFlight > 0 || this.#isClosing) return;
    this.#idleSinceMs = performance.now();
    this.#idleTimer ??= this.#armIdle(this.#current.app.idleMs);
  };

  /** Has the app scaled to zero when nothing was asked of it for a while. The timer runs on through requests. */
  #armIdle(delayMs: number): NodeJS.Timeout | undefined {
    if (this.#current.app.idleMs === 0) return undefined;
    return setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#inFlight > 0) return;
      const { app, programs } = this.#current;
      const leftMs = this.#idleSinceMs + app.idleMs - performance.now();
      if (leftMs > 0) this.#idleTimer = this.#armIdle(Math.ceil(leftMs));
      else for (const { pool } of programs) pool.trim();
    }, delayMs).unref();
  }

  #forgetRetired(): void {
    this.#retired = this.#retired.filter(({ programs }) => programs.some(({ guest }) => guest.instanceCount > 0));
  }
}

/** One program after another: they share a thread. */
async function warmUp({ programs }: Version): Promise<void> {
  for (const { guest } of programs) await guest.warmUp();
}

function closePools({ programs }: Version): void {
  for (const { pool } of programs) pool.close();
}
