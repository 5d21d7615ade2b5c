import { buildConnector, Pool, type Dispatcher } from "undici";
import { messageOf, systemCodeOf } from "../common/errors.ts";
import type { Connection, TlsOptions } from "./connection.ts";
import { failureOf } from "./failure.ts";
import { KubeError } from "./kube-error.ts";

/** One request; its body is JSON. */
export interface KubeRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | undefined>> | undefined;
  /** What it asks for, as errors say it: `apply pods default/a`. */
  what: string;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal | undefined;
  /** Holds a connection for as long as it likes: a watch, a log that is followed. */
  isLong?: boolean;
  /** How long the body may be silent, in milliseconds; 0 is for ever. */
  silenceMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Until the headers of a response, and from one piece of its body to the next. */
const SILENCE_TIMEOUT_MS = 30_000;
/** The API server closes idle connections after 90 seconds. */
const KEEP_ALIVE_MS = 60_000;
const MAX_ERROR_BYTES = 64 * 1024;
/** A connection was never made, so that the request cannot have been carried out. */
const UNCONNECTED_CODES = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Sends requests to the API server, once each. Short ones share a few connections; each watch has one of its own, which
 * goes when it ends, so that watches can never keep requests waiting.
 *
 * HTTP/1.1 on purpose. Over HTTP/2, 300 watches cost the client 0.2 s of CPU instead of 1.6 and the API server half, but a
 * process of ours has a dozen. In return a request hangs as soon as 100 watches are on its connection, undici 8.13 throws an
 * error that nobody can catch when such a pool is destroyed, and a half-open connection takes everything with it; here a
 * silent watch closes the one connection that it is on.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #short: Pool;
  readonly #long: Pool;

  constructor(connection: Connection, maxConnections: number) {
    const { origin, pathname } = connection.server;
    this.#connection = connection;
    this.#prefix = pathname.replace(/\/$/, "");
    const options = { connect: createConnector(connection), allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS };
    this.#short = new Pool(origin, { ...options, connections: maxConnections });
    this.#long = new Pool(origin, { ...options, connections: null });
  }

  /** Returns the body of a successful response; throws KUBE_* errors. */
  async send(request: KubeRequest): Promise<Dispatcher.ResponseData["body"]> {
    const { method, path, query = {}, body, contentType = "application/json", signal, isLong, silenceMs } = request;
    const token = await this.#connection.token();
    let response: Dispatcher.ResponseData;
    try {
      response = await (isLong === true ? this.#long : this.#short).request({
        method,
        path: `${this.#prefix}${path}${toSearch(query)}`,
        headers: {
          "user-agent": "wasmlet",
          accept: request.accept ?? "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
          ...(body === undefined ? {} : { "content-type": contentType }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
        headersTimeout: SILENCE_TIMEOUT_MS,
        bodyTimeout: silenceMs ?? SILENCE_TIMEOUT_MS,
      });
    } catch (thrown) {
      throw brokenOff(request, thrown);
    }
    if (response.statusCode >= 200 && response.statusCode < 300) return response.body;
    throw await refusal(request, response);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await Promise.all([this.#short.destroy(), this.#long.destroy()]);
  }
}

/** Returns the error of a request whose answer did not come or not to its end. */
export function brokenOff({ what, signal }: KubeRequest, thrown: unknown): Error {
  if (thrown instanceof KubeError) return thrown;
  if (signal?.aborted === true) return signal.reason as Error;
  const code = systemCodeOf(thrown) ?? "";
  return new KubeError("KUBE_UNREACHABLE", `${what}: ${messageOf(thrown) || code || "no reason given"}`, {
    transience: UNCONNECTED_CODES.has(code) ? "not-processed" : "perhaps-processed",
    cause: thrown,
  });
}

/** Reads a body to its end as text; throws KUBE_REFUSED when it is longer than is accepted. */
export async function readText(
  request: KubeRequest,
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new KubeError("KUBE_REFUSED", `${request.what}: the answer is longer than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (thrown) {
    throw brokenOff(request, thrown);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function refusal(request: KubeRequest, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<Error> {
  const text = await readText(request, body, MAX_ERROR_BYTES).catch(() => "");
  const retryAfter = [headers["retry-after"] ?? []].flat()[0];
  return failureOf(request.what, { status: statusCode, retryAfter, text });
}

/** Connects with the certificates of the moment; TLS sessions are resumed as long as these stay the same. */
function createConnector(connection: Connection): buildConnector.connector {
  let current: { tls: TlsOptions; connect: buildConnector.connector } | undefined;
  const connectNow = async (): Promise<buildConnector.connector> => {
    const tls = await connection.tls();
    if (current?.tls !== tls) {
      const options = { ...(tls as object), timeout: CONNECT_TIMEOUT_MS, allowH2: false };
      current = { tls, connect: buildConnector(options) };
    }
    return current.connect;
  };
  const open = async (...[options, callback]: Parameters<buildConnector.connector>): Promise<void> => {
    let connect: buildConnector.connector;
    try {
      connect = await connectNow();
    } catch (thrown) {
      callback(thrown as Error, null);
      return;
    }
    connect(options, callback);
  };
  return (options, callback) => void open(options, callback);
}

function toSearch(query: Readonly<Record<string, string | undefined>>): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? "" : `?${new URLSearchParams(entries).toString()}`;
}
