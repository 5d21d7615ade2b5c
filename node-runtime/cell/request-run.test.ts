import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Exchange, type ExchangeChannel } from "../http1/exchange.ts";
import { RequestBody } from "../http1/request-body.ts";
import { RequestHead } from "../http1/request-head.ts";
import { ResponseOutparam, type ResponseOutcome } from "../wasi/http/response.ts";
import { BytePipe } from "../wasi/io/byte-pipe.ts";
import { Scope } from "../wasi/scope.ts";
import { Deadlines } from "./deadlines.ts";
import type { Guest, LiveInstance } from "./guest.ts";
import { InstancePool } from "./instance-pool.ts";
import { RequestRun } from "./request-run.ts";
import { StatsCollector } from "./stats.ts";
import { WaitingLine } from "./waiting-line.ts";

/** What the guest does: it gets what `handle` gets. */
type Handler = (request: unknown, outparam: ResponseOutparam, scope: Scope) => Promise<void>;

/** One request to a guest, with a connection that takes all and a clock that the test moves. */
class Served {
  nowMs = 0;
  said: string[] = [];
  disposed: (string | undefined)[] = [];
  readonly turns = new StatsCollector().cpu.turns();
  readonly exchange: Exchange;
  readonly pool: InstancePool;
  readonly deadlines = new Deadlines(1000, () => this.nowMs);
  readonly run: RequestRun;

  constructor(handle: Handler, body?: RequestBody) {
    const channel: ExchangeChannel = {
      hasRoom: true,
      mustClose: false,
      waitingBytes: 0,
      clientAddress: "127.0.0.1:1",
      write: () => {},
      finish: () => {},
      cut: () => this.exchange.lose("the connection was cut"),
    };
    const line = { method: "POST", target: "/", version: "1.1", keepsAlive: true };
    this.exchange = new Exchange(new RequestHead(line, ["Host", "a"]), body, channel);
    const guest = {
      app: { concurrency: 1, reuse: "Request", requestTimeoutMs: 1000 },
      stats: new StatsCollector(),
      isAwake: true,
      instantiate: () => this.#instance(handle),
      release: () => {},
      close: () => {},
      say: (line: string) => this.said.push(line),
    } as unknown as Guest;
    this.pool = new InstancePool(guest);
    this.run = new RequestRun(
      { guest, pool: this.pool },
      this.exchange,
      { deadlines: this.deadlines, line: new WaitingLine(500, () => this.nowMs), rate: undefined },
      () => {},
    );
    this.run.begin();
  }

  #instance(handle: Handler): LiveInstance {
    const scope = new Scope();
    return {
      instance: { handle: (request: unknown, outparam: ResponseOutparam) => handle(request, outparam, scope) },
      host: { scope, close: (why?: string) => scope.close(why) },
      turns: this.turns,
      calls: 0,
      phases: {},
      dispose: (why?: string) => this.disposed.push(why),
    } as unknown as LiveInstance;
  }
}

/** Answers 200 without a body, all of which is written at once. */
function answer(outparam: ResponseOutparam): void {
  const body = new BytePipe();
  body.end();
  const outcome: ResponseOutcome = { kind: "response", status: 200, headers: [], body, trailers: () => undefined };
  ResponseOutparam.set(outparam, { tag: "ok", val: { outcome: () => outcome } });
}

test("request run: a guest that waits on behind its response loses its instance when the time is over", async () => {
  const served = new Served((_, outparam, scope) => (answer(outparam), scope.wait(() => () => {})));
  await nextTurn();
  expect([served.exchange.isOver, served.pool.inUse]).toEqual([true, 1]);
  served.run.expire();
  await nextTurn();
  expect([served.pool.inUse, served.disposed.length]).toEqual([0, 1]);
  expect(served.said).toEqual(["GUEST_TIMEOUT: the guest answered, and did not return within 1000 ms"]);
});

test("request run: its deadline stands until the guest is back, and no longer", async () => {
  const back = Promise.withResolvers<void>();
  let isLimited = true;
  const served = new Served((_, outparam) => (answer(outparam), back.promise));
  const forget = served.deadlines.delete.bind(served.deadlines);
  served.deadlines.delete = (limited) => (forget(limited), (isLimited = false));
  await nextTurn();
  expect(isLimited).toBe(true);
  back.resolve();
  await nextTurn();
  expect([isLimited, served.pool.inUse, served.said]).toEqual([false, 0, []]);
});

test("request run: a guest that computes past its deadline behind its response gives its place back", async () => {
  const stopped = Promise.withResolvers<void>();
  const served = new Served((_, outparam) => (answer(outparam), stopped.promise));
  await nextTurn();
  served.turns.limit(-Infinity); // it came while the guest had the thread
  stopped.reject(new Error("stopped"));
  await nextTurn();
  expect([served.pool.inUse, served.disposed.length]).toEqual([0, 1]);
  expect(served.said).toEqual([expect.stringMatching(/^GUEST_TIMEOUT: /)]);
});

test("request run: a guest that answers first reads the body behind it, until it is back", async () => {
  const body = new RequestBody(() => {});
  body.push([Buffer.from("abc")]);
  const back = Promise.withResolvers<void>();
  const served = new Served((_, outparam) => (answer(outparam), back.promise), body);
  await nextTurn();
  expect([served.exchange.isOver, served.exchange.keepsBody, body.isOpen]).toEqual([true, true, true]);
  back.resolve();
  await nextTurn();
  expect(body.isOpen).toBe(false);
});
