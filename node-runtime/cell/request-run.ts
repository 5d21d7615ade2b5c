import { WasmletError, messageOf } from "../../common/errors.ts";
import type { Exchange, ExchangeObserver } from "../http1/exchange.ts";
import { HostClosedError } from "../wasi/errors.ts";
import type { FieldEntry } from "../wasi/http/field-rules.ts";
import { createIncomingRequest } from "../wasi/http/incoming.ts";
import { ResponseOutparam, type ResponseOutcome } from "../wasi/http/response.ts";
import { MAX_REQUEST_BODY_BYTES, pathWithQueryOf, refuse } from "./admission.ts";
import { answerTo } from "./answers.ts";
import type { Deadlines, Limited } from "./deadlines.ts";
import type { Guest, LiveInstance } from "./guest.ts";
import type { InstancePool, Lease, Taker } from "./instance-pool.ts";
import { GuestRequestBody, NO_BODY, fieldsOf } from "./request-body.ts";
import type { RequestRate } from "./request-rate.ts";
import { toMonotonicMs } from "./turn-record.ts";
import type { WaitingLine } from "./waiting-line.ts";

/** Status that counts a request whose client left before it was answered; nobody reads it. */
const CLIENT_LEFT_STATUS = 499;

/** Where a request goes: a program of the app, or nowhere. */
export interface Destination {
  guest: Guest;
  pool: InstancePool;
  /** Why no program gets it. */
  refusal?: WasmletError;
  /** The headers that the guest gets, where those that came are not all. */
  fields?: () => FieldEntry[];
}

/** The answer to one that would wait too long: made once, because many are refused where many come. */
const LINE_TOO_LONG = answerTo("REQUEST_OVERLOADED", "too many requests of the app wait for their turn already");

/** What the requests of an app are held to. */
export interface RequestLimits {
  deadlines: Deadlines;
  line: WaitingLine;
  /** Undefined when there may be any number in a second. */
  rate: RequestRate | undefined;
}

type GuestResponse = Extract<ResponseOutcome, { kind: "response" }>;

/**
 * One request from its arrival to its end:
 *
 *   waiting for an instance ──▶ running in it ──▶ the guest is back ──▶ over, once the response is written too
 *
 * Every failure is answered, or cuts what was begun. The app's limits.requestTimeoutSeconds count from the request's
 * arrival, waiting included, which may take half of them.
 */
export class RequestRun implements ExchangeObserver, Taker, Limited {
  readonly #destination: Destination;
  readonly #exchange: Exchange;
  readonly #deadlines: Deadlines;
  readonly #rate: RequestRate | undefined;
  readonly #line: WaitingLine;
  readonly #onOver: () => void;
  /** Its instance, from when it has one until it is given back. */
  #live: LiveInstance | undefined;
  #start: Lease["start"] = "warm";
  #isWaiting = false;
  #isInLine = false;
  #isAnswered = false;
  #response: GuestResponse | undefined;
  /** Why the guest's response broke off, when that is known better than its body tells. */
  #failure: WasmletError | undefined;
  #hasFailed = false;

  constructor(destination: Destination, exchange: Exchange, limits: RequestLimits, onOver: () => void) {
    this.#destination = destination;
    this.#exchange = exchange;
    this.#deadlines = limits.deadlines;
    this.#rate = limits.rate;
    this.#line = limits.line;
    this.#onOver = onOver;
  }

  get #guest(): Guest {
    return this.#destination.guest;
  }

  get #pool(): InstancePool {
    return this.#destination.pool;
  }

  /** Begins; never throws. */
  begin(): void {
    this.#exchange.observer = this;
    try {
      refuse(this.#exchange.request);
      this.#checkRate();
      if (this.#destination.refusal !== undefined) throw this.#destination.refusal;
    } catch (thrown) {
      return this.#fail(thrown);
    }
    if (this.#line.isTooLong) return this.#refuseBusy();
    this.#deadlines.add(this, this.#exchange.arrivedMs);
    this.#isWaiting = true;
    this.#pool.acquire(this);
    if (!this.#isWaiting || this.#hasFailed) return;
    this.#isInLine = true;
    this.#line.enter(this, this.#exchange.arrivedMs);
  }

  take({ live, start }: Lease): void {
    this.#isWaiting = false;
    if (this.#isInLine) this.#line.turn(this);
    this.#isInLine = false;
    this.#live = live;
    this.#start = start;
    try {
      this.#run(live);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  refuse(thrown: unknown): void {
    this.#fail(thrown);
  }

  /** The deadline has come. */
  expire(): void {
    if (this.#isWaiting) {
      this.#guest.stats.limitHit("queue_time");
      const message = "the app had no turn for the request within half of limits.requestTimeoutSeconds";
      return this.#fail(new WasmletError("REQUEST_OVERLOADED", message));
    }
    this.#guest.stats.limitHit("request_timeout");
    const { requestTimeoutMs } = this.#guest.app;
    if (!this.#exchange.isOver) {
      return this.#fail(new WasmletError("GUEST_TIMEOUT", `the guest did not answer within ${requestTimeoutMs} ms`));
    }
    // Its response is complete: it loses no more than its instance.
    this.#guest.say(`GUEST_TIMEOUT: the guest answered, and did not return within ${requestTimeoutMs} ms`);
    this.#giveBack(false, "the request's time is over");
  }

  /** It had the thread for longer than a request of its app may. */
  #tookTooMuch(): void {
    const error = this.#guest.cpuLimitReached();
    if (!this.#exchange.isOver) return this.#fail(error);
    this.#guest.say(`${error.code}: ${error.message}, behind its response`);
    this.#giveBack(false, "the request's CPU time is over");
  }

  gone(why: string): void {
    this.#giveBack(false, why);
  }

  /** The response's body failed. */
  failed(failure: unknown): void {
    this.#fail(this.#failure ?? incompleteResponse(this.#response, failure));
  }

  over(): void {
    // A guest that runs on behind its response has until the deadline as well.
    if (this.#live === undefined) this.#deadlines.delete(this);
    if (this.#isInLine) this.#line.leave(this);
    if (this.#isWaiting) this.#pool.leave(this);
    const seconds = (performance.now() - this.#exchange.arrivedMs) / 1000;
    this.#guest.stats.request(this.#exchange.status || CLIENT_LEFT_STATUS, this.#start, seconds);
    this.#onOver();
  }

  #refuseBusy(): void {
    this.#hasFailed = true;
    this.#guest.stats.limitHit("queue_time");
    this.#exchange.answer(LINE_TOO_LONG);
  }

  #checkRate(): void {
    if (this.#rate === undefined || this.#rate.take(this.#exchange.arrivedMs)) return;
    this.#guest.stats.limitHit("requests_per_second");
    throw new WasmletError("REQUEST_RATE_LIMITED", "the app was asked more often than limits.requestsPerSecond allows");
  }

  #run(live: LiveInstance): void {
    const { instance, host, turns } = live;
    if (instance.handle === undefined) {
      throw new WasmletError("ARTIFACT_WRONG_WORLD", "the artifact does not serve HTTP");
    }
    const { request } = this.#exchange;
    // RFC 9110 section 10.1.1: not to HTTP/1.0.
    if (request.expectsContinue) this.#exchange.inform(100, []);
    const body = this.#body();
    const incoming = createIncomingRequest(host.scope, {
      method: request.method,
      scheme: "http",
      authority: request.host,
      pathWithQuery: pathWithQueryOf(request.target),
      headers: this.#destination.fields ?? (() => fieldsOf(request.rawHeaders)),
      body,
      trailers: body.trailers,
    });
    const outparam = new ResponseOutparam(
      (outcome) => this.#answer(outcome),
      (status, headers) => {
        if (!this.#exchange.inform(status, headers)) this.#guest.stats.limitHit("informational");
      },
    );
    const { requestTimeoutMs, cpuTimeMs } = this.#guest.app;
    turns.limit(toMonotonicMs(this.#exchange.arrivedMs) + requestTimeoutMs, cpuTimeMs);
    turns.resume();
    instance.handle(incoming, outparam).then(
      () => this.#returned(live),
      (thrown: unknown) => this.#trapped(live, thrown),
    );
  }

  #body(): typeof NO_BODY | GuestRequestBody {
    const { body } = this.#exchange;
    if (body === undefined) return NO_BODY;
    this.#exchange.keepsBody = true;
    return new GuestRequestBody(body, MAX_REQUEST_BODY_BYTES, (error) => {
      this.#guest.stats.limitHit("request_body");
      // Not within the guest's call: it is to see the failure first.
      queueMicrotask(() => this.#fail(error));
    });
  }

  /** The guest answers; called within its call. */
  #answer(outcome: ResponseOutcome): void {
    this.#isAnswered = true;
    if (outcome.kind === "error") {
      const error = new WasmletError("GUEST_ERROR", `the guest answered with the error ${outcome.error.tag}`);
      return queueMicrotask(() => this.#fail(error));
    }
    this.#response = outcome;
    this.#exchange.respond(outcome);
  }

  #returned(live: LiveInstance): void {
    live.turns.suspend();
    if (live !== this.#live) return; // it was taken from the guest before
    if (!this.#isAnswered) {
      return this.#fail(new WasmletError("GUEST_NO_RESPONSE", "the guest returned without answering the request"));
    }
    this.#noteStart(live);
    // It can write no more: a body that it did not finish ends here, incomplete.
    if (this.#response !== undefined && !this.#response.body.isEnded) {
      this.#failure = incompleteResponse(undefined, new Error("the guest returned before it finished its response"));
      this.#response.body.fail(this.#failure);
    }
    this.#giveBack(!this.#hasFailed);
  }

  #trapped(live: LiveInstance, thrown: unknown): void {
    live.turns.suspend();
    if (live !== this.#live) return;
    // A guest that computes past its deadline is trapped by the watchdog: no timer comes before that.
    const overrun = live.host.scope.closed ? undefined : live.turns.overrun();
    if (overrun === "request_timeout") return this.expire();
    if (overrun === "cpu_time") return this.#tookTooMuch();
    const error = new WasmletError("GUEST_TRAPPED", `the guest trapped: ${messageOf(thrown)}`, { cause: thrown });
    if (!this.#isAnswered) return this.#fail(error);
    // What it had begun to send breaks off, unless the body was complete.
    this.#failure = error;
    this.#giveBack(false, "the guest trapped");
    if (!this.#hasFailed && !(thrown instanceof HostClosedError)) {
      this.#guest.say(`GUEST_TRAPPED: the guest trapped after its response: ${messageOf(thrown)}`);
    }
  }

  /** An instance's start counts once, with the first response that it gave. */
  #noteStart(live: LiveInstance): void {
    if (live.calls > 0) return;
    const first = (performance.now() - this.#exchange.arrivedMs) / 1000;
    this.#guest.stats.start(this.#start, live.phases, first);
  }

  /** Answers with the error while nothing was sent; cuts the connection when something was. Ends the guest. */
  #fail(thrown: unknown): void {
    if (this.#hasFailed || this.#exchange.isOver) return;
    this.#hasFailed = true;
    const error =
      thrown instanceof WasmletError ? thrown : new WasmletError("GUEST_TRAPPED", messageOf(thrown), { cause: thrown });
    if (error.code.startsWith("GUEST_")) this.#guest.say(`${error.code}: ${error.message}`);
    if (this.#exchange.hasBegun) this.#exchange.cut();
    else this.#exchange.answer(answerTo(error.code, error.message));
    this.#giveBack(false, error.message);
  }

  #giveBack(reusable: boolean, why?: string): void {
    const live = this.#live;
    if (live === undefined) return;
    this.#live = undefined;
    if (this.#exchange.isOver) this.#deadlines.delete(this);
    if (!reusable) live.host.close(why);
    this.#exchange.body?.close();
    this.#pool.release(live, reusable);
  }
}

/** Returns the error of a guest whose response breaks off. */
function incompleteResponse(response: GuestResponse | undefined, failure: unknown): WasmletError {
  if (failure instanceof WasmletError) return failure;
  const why =
    failure === undefined
      ? `the guest wrote another length than it declared: ${lengthsIn(response).join(" and ").slice(0, 100)} bytes`
      : `the guest's response broke off: ${messageOf(failure)}`;
  return new WasmletError("GUEST_RESPONSE_INCOMPLETE", why);
}

function lengthsIn(response: GuestResponse | undefined): string[] {
  return (response?.headers ?? [])
    .filter(([name]) => name.toLowerCase() === "content-length")
    .map(([, value]) => Buffer.from(value).toString("latin1"));
}
