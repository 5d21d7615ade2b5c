/** A guest's view of `wasi:http/outgoing-handler`, and servers for it to call; for tests. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { SYSTEM_CLOCK, type Clock } from "../clocks/clock.ts";
import { WasiError } from "../errors.ts";
import { Scope } from "../scope.ts";
import { EgressPolicy, type EgressOptions } from "../sockets/egress.ts";
import type { FutureIncomingResponse } from "./client.ts";
import type { ErrorCode } from "./error-code.ts";
import type { FieldEntry } from "./field-rules.ts";
import { Fields } from "./fields.ts";
import { createHttpImports } from "./imports.ts";
import { IncomingBody } from "./incoming-body.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { RequestOptions } from "./request-options.ts";

/** What one guest of a test may do. */
export interface GuestOptions extends EgressOptions {
  allowed?: string[];
  clock?: Clock;
  ca?: string;
}

/** One guest: its scope and its `handle`. */
export interface Guest {
  scope: Scope;
  newRequest: (url: string, changes?: RequestChanges) => OutgoingRequest;
  handle: (request: OutgoingRequest, limits?: RequestOptions) => FutureIncomingResponse;
}

/** What a request says besides its URL. */
interface RequestChanges {
  method?: "get" | "head" | "post" | "put";
  headers?: [string, string][];
}

/** Returns a guest that may reach this machine, unless told otherwise. */
export function createGuest({ allowed = ["127.0.0.1", "localhost"], ca, ...egress }: GuestOptions = {}): Guest {
  const scope = new Scope();
  const clock = egress.clock ?? SYSTEM_CLOCK;
  const imports = createHttpImports(scope, EgressPolicy.parse(allowed, egress), clock, ca === undefined ? {} : { ca });
  const GuestRequest = imports["wasi:http/types"]!["OutgoingRequest"] as new (headers: Fields) => OutgoingRequest;
  return {
    scope,
    handle: imports["wasi:http/outgoing-handler"]!["handle"] as Guest["handle"],
    newRequest(url, { method = "get", headers = [] } = {}) {
      const { protocol, host, pathname, search } = new URL(url);
      const request = new GuestRequest(Fields.fromList(headers.map(([name, value]) => [name, Buffer.from(value)])));
      request.setMethod({ tag: method });
      request.setScheme({ tag: protocol === "https:" ? "HTTPS" : "HTTP" });
      request.setAuthority(host);
      request.setPathWithQuery(pathname + search);
      return request;
    },
  };
}

/** Waits for the response as a guest does; throws WasiError with the error code. */
export async function responseOf(future: FutureIncomingResponse): Promise<IncomingResponse> {
  await future.subscribe().block();
  const result = future.get();
  if (result?.tag !== "ok") throw new Error("the future has no value");
  if (result.val.tag === "err") throw new WasiError<string>(result.val.val.tag);
  return result.val.val;
}

/** The error code of a request that fails. */
export async function errorCodeFrom(future: FutureIncomingResponse): Promise<ErrorCode> {
  await future.subscribe().block();
  const result = future.get();
  if (result?.tag !== "ok" || result.val.tag !== "err") throw new Error("the request did not fail");
  return result.val.val;
}

/** Reads a response to its end. */
export async function contentOf(response: IncomingResponse): Promise<{ text: string; trailers: FieldEntry[] }> {
  const body = response.consume();
  const stream = body.stream();
  let text = "";
  try {
    for (;;) text += Buffer.from(await stream.blockingRead(65536n)).toString();
  } catch (error) {
    if (!(error instanceof WasiError) || (error.payload as { tag: string }).tag !== "closed") throw error;
  }
  stream[Symbol.dispose]();
  const trailers = IncomingBody.finish(body);
  await trailers.subscribe().block();
  const result = trailers.get();
  const fields = result?.tag === "ok" && result.val.tag === "ok" ? result.val.val : undefined;
  return { text, trailers: fields?.entries() ?? [] };
}

/** A server on a free port of 127.0.0.1, closed with what uses it. */
export interface TestServer extends AsyncDisposable {
  port: number;
  url: string;
  /** Resolves with the next connection. */
  connection: Promise<Socket>;
}

/** Starts an HTTP server. */
export function serve(listener: RequestListener): Promise<TestServer> {
  return listen(createServer(listener), "http");
}

/** Listens on a free port with any server. */
export async function listen(server: Server, scheme: "http" | "https"): Promise<TestServer> {
  const connection = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    connection,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Resolves when the connection is closed, however. */
export function closeOf(socket: Socket): Promise<void> {
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Resolves with the value once it has not changed for many turns of the event loop: nothing is on its way any more. */
export async function settledValue(read: () => number): Promise<number> {
  let value = read();
  for (let still = 0; still < 200; still++) {
    await new Promise((resolve) => void setImmediate(resolve));
    if (read() === value) continue;
    value = read();
    still = 0;
  }
  return value;
}

/** A clock that stands still and whose timers are fired by hand. */
export class ManualClock implements Clock {
  readonly #timers = new Map<() => void, number>();
  readonly #watchers: (() => void)[] = [];

  monotonicNs(): bigint {
    return 0n;
  }

  wallNs(): bigint {
    return 0n;
  }

  after(delayMs: number, fire: () => void): () => void {
    this.#timers.set(fire, delayMs);
    for (const watcher of this.#watchers.splice(0)) watcher();
    return () => void this.#timers.delete(fire);
  }

  /** Fires the timer of this delay, as soon as there is one. */
  async fire(delayMs: number): Promise<void> {
    for (;;) {
      const timer = [...this.#timers].find(([, delay]) => delay === delayMs);
      if (timer !== undefined) return timer[0]();
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** The delays of all timers that are armed. */
  get delaysMs(): number[] {
    return [...this.#timers.values()];
  }
}
