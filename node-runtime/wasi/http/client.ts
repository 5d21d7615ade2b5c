/**
 * `wasi:http/outgoing-handler`: resolve → check → connect to a checked address → send. No proxies, no redirects, no
 * cookies, no pooled connections: one request, one connection, all of it ended with the scope.
 */
import type { Clock } from "../clocks/clock.ts";
import type { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import type { EgressPolicy } from "../sockets/egress.ts";
import { connectTo } from "./connection.ts";
import { HttpError, HttpFailure } from "./error-code.ts";
import { exchange } from "./exchange.ts";
import { Future, type FutureResult } from "./future.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { RequestOptions } from "./request-options.ts";
import { targetOf, type RequestTarget } from "./target.ts";

/** What the operator of the host may set for outgoing requests. */
export interface ClientOptions {
  /** Certificate authorities to trust instead of Node.js' own. */
  ca?: string;
}

/** What a request needs of its host. */
export interface ClientContext extends ClientOptions {
  scope: Scope;
  egress: EgressPolicy;
  clock: Clock;
}

/** The time limit of what the guest sets none for; wasmtime's. */
const DEFAULT_TIMEOUT_NS = 600_000_000_000n;

const NS_PER_MS = 1_000_000n;

/** `wasi:http/types` resource `future-incoming-response`. */
export class FutureIncomingResponse {
  readonly #future: Future<IncomingResponse>;
  readonly #abort: () => void;

  constructor(scope: Scope, response: Promise<IncomingResponse>, abort: () => void) {
    this.#future = new Future(scope, response);
    this.#abort = abort;
  }

  /** A pollable that is ready once the response's head is there, or an error. */
  subscribe(): Pollable {
    return this.#future.subscribe();
  }

  /** Returns undefined while it is awaited, then the response or an error; once. */
  get(): FutureResult<IncomingResponse> | undefined {
    return this.#future.get();
  }

  /** Drop: a response that was not taken is not wanted. */
  [Symbol.dispose](): void {
    if (!this.#future.taken) this.#abort();
  }
}

/** `outgoing-handler.handle`: starts a request; throws the error code when it can't even be tried. */
export function sendRequest(
  context: ClientContext,
  request: OutgoingRequest,
  limits: RequestOptions | undefined,
): FutureIncomingResponse {
  const { response, abort } = startRequest(context, request, limits);
  return new FutureIncomingResponse(context.scope, response, abort);
}

/** Starts a request: its response, which rejects with what went wrong, and how to give it up. Throws as `sendRequest` does. */
export function startRequest(
  context: ClientContext,
  request: OutgoingRequest,
  limits: RequestOptions | undefined,
): { response: Promise<IncomingResponse>; abort: () => void } {
  const target = targetOf(request);
  if (!context.scope.hasRoom) throw new HttpError({ tag: "connection-limit-reached" });
  const aborter = new AbortController();
  const forget = context.scope.defer(() => aborter.abort());
  const abort = (): void => {
    aborter.abort();
    forget();
  };
  return { response: perform(context, request, target, limits, aborter.signal, forget), abort };
}

async function perform(
  context: ClientContext,
  request: OutgoingRequest,
  target: RequestTarget,
  limits: RequestOptions | undefined,
  signal: AbortSignal,
  onClosed: () => void,
): Promise<IncomingResponse> {
  const { scope, clock, egress, ca } = context;
  const body = request.takeBody();
  try {
    const addresses = await egress.resolve(target.host, target.port, target.scheme);
    if (signal.aborted) throw new HttpFailure({ tag: "connection-terminated" });
    const closed = egress.openConnection();
    const timeoutMs = msOf(limits?.connectTimeout());
    const socket = await connectTo(target, addresses, { clock, signal, ca, timeoutMs }).catch((thrown: unknown) => {
      closed();
      throw thrown;
    });
    socket.once("close", closed);
    signal.addEventListener("abort", () => socket.destroy());
    socket.once("close", onClosed);
    return await exchange(socket, {
      scope,
      clock,
      target,
      headers: request.headers(),
      body,
      firstByteMs: msOf(limits?.firstByteTimeout()),
      betweenBytesMs: msOf(limits?.betweenBytesTimeout()),
    });
  } catch (error) {
    onClosed();
    body?.pipe.cancel();
    throw error;
  }
}

function msOf(ns: bigint | undefined): number {
  return Number(((ns ?? DEFAULT_TIMEOUT_NS) + NS_PER_MS - 1n) / NS_PER_MS);
}
