import type { IncomingMessage, ServerResponse } from "node:http";
import { WasmletError, messageOf } from "../../common/errors.ts";
import { HostClosedError } from "../wasi/errors.ts";
import { createIncomingRequest } from "../wasi/http/incoming.ts";
import { createResponseOutparam, type ResponseOutcome } from "../wasi/http/response.ts";
import { declaredLength, findAmbiguity, findUnmetExpectation, pathWithQueryOf } from "./admission.ts";
import { sendError } from "./answers.ts";
import type { Guest } from "./guest.ts";
import { continueExpected, sendInformational } from "./informational.ts";
import type { InstancePool, Lease } from "./instance-pool.ts";
import { CLIENT_LEFT, QueueWait } from "./queue-wait.ts";
import { rawFields, RequestBody } from "./request-body.ts";
import { incompleteResponse, writeResponse } from "./response-writer.ts";
import { monotonicMs } from "./turn-record.ts";

/** The largest request body that is passed to a guest. */
const MAX_REQUEST_BODY_BYTES = 64 * 1024 * 1024;

/** How one request ended in the guest. */
type Ending = { kind: "returned" } | { kind: "trapped"; thrown: unknown };

/** Status that counts a request whose client left before an instance was free for it; nobody reads it. */
const CLIENT_LEFT_STATUS = 499;

/**
 * Serves one request, which was read at `arrivedMs` (of `performance.now()`), with one instance; answers every failure,
 * and never rejects. The app's limits.requestTimeoutSeconds count from its arrival, waiting included.
 */
export async function handleRequest(
  guest: Guest,
  pool: InstancePool,
  request: IncomingMessage,
  response: ServerResponse,
  arrivedMs: number,
): Promise<void> {
  let lease: Lease | undefined;
  let reusable = false;
  try {
    refuse(request);
    const wait = new QueueWait(response, arrivedMs + guest.app.requestTimeoutMs, () =>
      guest.stats.limitHit("queue_time"),
    );
    lease = await pool.acquire(() => wait.signal()).finally(() => wait.end());
    if (response.destroyed) throw CLIENT_LEFT;
    continueExpected(request, response);
    reusable = await serve(guest, lease, request, response, arrivedMs);
  } catch (thrown) {
    if (thrown === CLIENT_LEFT) response.statusCode = CLIENT_LEFT_STATUS;
    else fail(guest, response, thrown);
  } finally {
    if (lease !== undefined) pool.release(lease.live, reusable);
    guest.stats.request(response.statusCode, lease?.start ?? "warm", (performance.now() - arrivedMs) / 1000);
  }
}

function refuse(request: IncomingMessage): void {
  const { httpVersion } = request;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") {
    throw new WasmletError("REQUEST_MALFORMED", `expected HTTP/1.1 or HTTP/1.0, got HTTP/${httpVersion}`);
  }
  const ambiguity = findAmbiguity(request);
  if (ambiguity !== undefined) {
    throw new WasmletError("REQUEST_AMBIGUOUS", `the request has ${ambiguity}`);
  }
  const expectation = findUnmetExpectation(request);
  if (expectation !== undefined) {
    const got = JSON.stringify(expectation.slice(0, 100));
    throw new WasmletError("REQUEST_EXPECTATION", `expected Expect: 100-continue or none, got ${got}`);
  }
  if ((declaredLength(request) ?? 0) > MAX_REQUEST_BODY_BYTES) throw bodyTooLarge();
}

/** Returns true when the guest may serve another request: it returned and its whole response was sent. */
async function serve(
  guest: Guest,
  { live, start }: Lease,
  request: IncomingMessage,
  response: ServerResponse,
  arrivedMs: number,
): Promise<boolean> {
  const { instance, host } = live;
  const handle = instance.handle?.bind(instance);
  if (handle === undefined) throw new WasmletError("ARTIFACT_WRONG_WORLD", "the artifact does not serve HTTP");
  const failure = Promise.withResolvers<never>();
  const body = new RequestBody(request, MAX_REQUEST_BODY_BYTES, () => {
    guest.stats.limitHit("request_body");
    failure.reject(bodyTooLarge());
  });
  const { outparam, outcome } = createResponseOutparam((status, headers) => {
    sendInformational(request, response, { status, headers }, () => guest.stats.limitHit("informational"));
  });
  const incoming = createIncomingRequest(host.scope, {
    method: request.method ?? "GET",
    scheme: "http",
    authority: request.headers.host,
    pathWithQuery: pathWithQueryOf(request.url ?? "/"),
    headers: rawFields(request.rawHeaders),
    body,
    trailers: body.trailers,
  });
  const leftMs = Math.max(1, arrivedMs + guest.app.requestTimeoutMs - performance.now());
  const timeOut = (): void => {
    guest.stats.limitHit("request_timeout");
    failure.reject(
      new WasmletError("GUEST_TIMEOUT", `the guest did not answer within ${guest.app.requestTimeoutMs} ms`),
    );
    host.close("limits.requestTimeoutSeconds passed");
  };
  const stopTimer = host.clock.after(leftMs, timeOut);
  response.once("close", () => {
    if (!response.writableFinished) host.close("the client went away");
  });
  live.turns.deadlineMs = monotonicMs() + leftMs;
  const ended: Promise<Ending> = live.turns
    .spend(() => handle(incoming, outparam))
    .then(
      () => {
        void outcome.then(endBody);
        return { kind: "returned" };
      },
      (thrown: unknown) => {
        stopTimer();
        // A guest that computes past its deadline is trapped by the watchdog: no timer comes before that.
        if (monotonicMs() >= live.turns.deadlineMs && !host.scope.closed) timeOut();
        else host.close("the guest trapped"); // what it had begun to send must not look complete
        return { kind: "trapped", thrown };
      },
    );
  failure.promise.catch(() => {}); // it may come when nobody waits for it any more
  try {
    const answer = await Promise.race([outcome, ended, failure.promise]);
    const sent = await Promise.race([answerRequest(answer, outcome, outparam.isSet, response), failure.promise]);
    guest.stats.start(start, { ...live.phases, first_response: (performance.now() - arrivedMs) / 1000 });
    const ending = await Promise.race([ended, failure.promise]);
    if (ending.kind === "trapped") sayTrapped(guest, ending.thrown);
    return sent && ending.kind === "returned";
  } finally {
    stopTimer();
  }
}

/** The guest returned and can write no more: a body that it did not finish ends here, incomplete. */
function endBody(outcome: ResponseOutcome): void {
  if (outcome.kind === "response" && !outcome.body.isEnded) {
    outcome.body.fail(incompleteResponse("the guest returned before it finished its response"));
  }
}

/** Sends what the guest answered; throws when it returned or trapped without an answer. */
async function answerRequest(
  answer: ResponseOutcome | Ending,
  outcome: Promise<ResponseOutcome>,
  isSet: boolean,
  response: ServerResponse,
): Promise<boolean> {
  if (answer.kind === "trapped" && !isSet) {
    throw new WasmletError("GUEST_TRAPPED", `the guest trapped: ${messageOf(answer.thrown)}`, { cause: answer.thrown });
  }
  if (answer.kind === "returned" && !isSet) {
    throw new WasmletError("GUEST_NO_RESPONSE", "the guest returned without answering the request");
  }
  const result = answer.kind === "response" || answer.kind === "error" ? answer : await outcome;
  if (result.kind === "error") {
    throw new WasmletError("GUEST_ERROR", `the guest answered with the error ${result.error.tag}`);
  }
  return writeResponse(response, result);
}

/** Answers with the error while nothing was sent; cuts the connection when something was. */
function fail(guest: Guest, response: ServerResponse, thrown: unknown): void {
  const error =
    thrown instanceof WasmletError ? thrown : new WasmletError("GUEST_TRAPPED", messageOf(thrown), { cause: thrown });
  if (error.code.startsWith("GUEST_")) guest.say(`${error.code}: ${error.message}`);
  if (response.headersSent || response.destroyed) response.destroy();
  else sendError(response, error.code, error.message);
}

function sayTrapped(guest: Guest, thrown: unknown): void {
  if (!(thrown instanceof HostClosedError))
    guest.say(`GUEST_TRAPPED: the guest trapped after its response: ${messageOf(thrown)}`);
}

function bodyTooLarge(): WasmletError {
  return new WasmletError(
    "REQUEST_BODY_TOO_LARGE",
    `the request's body is larger than ${MAX_REQUEST_BODY_BYTES} bytes`,
    {
      expected: `at most ${MAX_REQUEST_BODY_BYTES} bytes`,
    },
  );
}
