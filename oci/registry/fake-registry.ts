import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { Timing } from "../../common/timing.ts";

/** A server of a test, which answers as the test says and remembers what it was asked. */
export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as a reference has it. */
  host: string;
  /** Every request: `GET /v2/…`. */
  requests: string[];
  /** The Authorization header of each request, or undefined. */
  authorizations: (string | undefined)[];
}

/** Answers a request; what it throws or does not answer is 404. */
export type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => unknown;

/** Starts one on a free port, in plain HTTP or with a certificate. */
export async function startFakeRegistry(answer: Answer, tls?: ServerOptions): Promise<FakeRegistry> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const listener: RequestListener = (request, response) => {
    const path = request.url ?? "/";
    requests.push(`${request.method} ${path}`);
    authorizations.push(request.headers.authorization);
    response.on("error", () => {});
    if (answer(request, response, path) === undefined) response.writeHead(404).end();
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    authorizations,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A clock that stands still unless something waits on it, and what was waited for. */
export interface FakeTiming extends Timing {
  delays: number[];
  /** Lets time pass. */
  advance: (milliseconds: number) => void;
}

/** Returns one; its chance is always one half. */
export function createFakeTiming(): FakeTiming {
  let nowMs = 0;
  const delays: number[] = [];
  return {
    delays,
    advance: (milliseconds) => (nowMs += milliseconds),
    now: () => nowMs,
    date: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    delay: (milliseconds) => {
      delays.push(milliseconds);
      nowMs += milliseconds;
      return Promise.resolve();
    },
    random: () => 0.5,
  };
}

/** Returns bytes that look like nothing in particular and are always the same. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let block = createHash("sha256").update(String(length)).digest();
  for (let offset = 0; offset < length; offset += block.length) {
    block.copy(bytes, offset);
    block = createHash("sha256").update(block).digest();
  }
  return bytes;
}
