import { Readable } from "node:stream";
import { getCACertificates } from "node:tls";
import { Agent, EnvHttpProxyAgent, request as send, type buildConnector, type Dispatcher } from "undici";
import { systemCodeOf, WasmletError } from "../../common/errors.ts";
import { isLoopback, placeOf } from "./addresses.ts";
import { getDirect, type DirectResponse } from "./direct-get.ts";
import { HostSlots } from "./host-slots.ts";
import { Pace } from "./pace.ts";
import type { Timing } from "../../common/timing.ts";
import { TransientError } from "./transient-error.ts";
import { reasonOf, unreachable } from "./unreachable.ts";

/** One HTTP request; a body is bytes, or a function that yields them anew for each try. */
export interface HttpRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Whether megabytes are expected: they come over a connection of their own. */
  isLarge?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Its response. The body is read to its end or discarded: it holds a slot of its host until then. */
export interface HttpResponse {
  status: number;
  /** Returns a header's value, the first where it came several times. */
  header: (name: string) => string | undefined;
  /** Returns every value of a header. */
  headers: (name: string) => string[];
  /** Where it came from, after redirects. */
  url: URL;
  body: AsyncIterable<Uint8Array>;
  discard: () => void;
}

/** Sends requests as they are: no redirects, no credentials, no retries. */
export interface Transport {
  /** Throws OCI_UNREACHABLE; the body throws OCI_TRANSFER_FAILED. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

/** Proxies as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them; this machine itself is never asked through one. */
export interface ProxySettings {
  http?: string | undefined;
  https?: string | undefined;
  noProxy?: string | undefined;
}

/** How hosts are reached. */
export interface TransportOptions {
  /** Certificates in PEM that are trusted beside the system's. */
  ca?: readonly string[];
  proxy?: ProxySettings;
  maxRequestsPerHost?: number;
  timing: Timing;
}

const MAX_REQUESTS_PER_HOST = 4;
const CONNECT_TIMEOUT_MS = 10_000;
/** Until the headers of a response, and from one piece of its body to the next. */
const SILENCE_TIMEOUT_MS = 30_000;

const AGENT_OPTIONS = { allowH2: false, headersTimeout: SILENCE_TIMEOUT_MS, bodyTimeout: SILENCE_TIMEOUT_MS };
/** What may wait of a body before its connection is told to: with less, it stops and starts at every piece. */
const BODY_BUFFER_BYTES = 1024 * 1024;
/** What is left of a body that nobody wants and may be read all the same. */
const MAX_DISCARDED_BYTES = 16 * 1024;

/** Returns a transport over undici. */
export function createTransport(options: TransportOptions): Transport {
  const { timing, maxRequestsPerHost = MAX_REQUESTS_PER_HOST } = options;
  const slots = new HostSlots(maxRequestsPerHost);
  const dispatchers = createDispatchers(options);
  return {
    async send(request) {
      const { url, signal } = request;
      const release = await slots.take(url.host, signal);
      try {
        const isDirect = request.isLarge === true && dispatchers.isDirect(url);
        const response = isDirect ? await sendDirect(request, dispatchers.tls) : undefined;
        if (response !== undefined) return respondDirect(request, response, release, timing);
        return respond(request, await exchange(request, dispatchers.of(url)), release, timing);
      } catch (thrown) {
        release();
        signal?.throwIfAborted();
        throw unreachable(thrown, url);
      }
    },
    close: async () => {
      await Promise.all([...dispatchers.all].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** True when the other side does not speak TLS at all, as opposed to showing a certificate that is not trusted. */
export function speaksNoTls(thrown: unknown): boolean {
  const code = systemCodeOf((thrown as Error | undefined)?.cause) ?? "";
  return ["EPROTO", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_WRONG_VERSION_NUMBER"].includes(code);
}

/** One dispatcher for this machine, and one per scheme for others: each scheme has a proxy of its own, or none. */
function createDispatchers({ ca, proxy = {} }: TransportOptions): {
  of: (url: URL) => Dispatcher;
  /** Whether a URL is reached without a proxy. */
  isDirect: (url: URL) => boolean;
  /** What a TLS connection without a proxy is made with. */
  tls: { ca?: string[] };
  all: Iterable<Dispatcher>;
} {
  const trusted = ca === undefined || ca.length === 0 ? {} : { ca: [...getCACertificates("default"), ...ca] };
  const tls = { ...trusted, timeout: CONNECT_TIMEOUT_MS };
  const direct = new Agent({ ...AGENT_OPTIONS, connect: tls });
  const proxied = new Map<string, Dispatcher>();
  const proxyOf = ({ protocol, hostname }: URL): string | undefined =>
    isLoopback(hostname) ? undefined : protocol === "http:" ? proxy.http : proxy.https;
  return {
    isDirect: (url) => proxyOf(url) === undefined,
    tls: trusted,
    of: (url) => {
      const { protocol } = url;
      const uri = proxyOf(url);
      if (uri === undefined) return direct;
      const dispatcher = proxied.get(protocol) ?? createProxied(uri, proxy.noProxy ?? "", tls);
      proxied.set(protocol, dispatcher);
      return dispatcher;
    },
    get all() {
      return [direct, ...proxied.values()];
    },
  };
}

/** Made when it is first needed: a proxy of a kind that is not spoken here is no matter where none is. */
function createProxied(address: string, noProxy: string, tls: buildConnector.BuildOptions): Dispatcher {
  const uri = address.includes("://") ? address : `http://${address}`;
  if (!/^https?:/i.test(uri) || !URL.canParse(uri)) {
    // It may hold a password: it is not shown.
    throw new WasmletError("CONFIG_INVALID", "the proxy for registries is not one that can be used", {
      where: "HTTP_PROXY, HTTPS_PROXY",
      expected: "an http:// or https:// address",
    });
  }
  // Every value is given, so that undici reads none from the environment.
  return new EnvHttpProxyAgent({
    ...AGENT_OPTIONS,
    connect: tls,
    requestTls: tls,
    proxyTls: tls,
    httpProxy: uri,
    httpsProxy: uri,
    noProxy,
  });
}

function exchange(
  { method, url, headers, body, signal }: HttpRequest,
  dispatcher: Dispatcher,
): Promise<Dispatcher.ResponseData> {
  return send(url, {
    method,
    dispatcher,
    headers: { "user-agent": "wasmlet", ...headers },
    body: typeof body === "function" ? Readable.from(body(), { objectMode: false }) : (body ?? null),
    signal: signal ?? null,
    highWaterMark: BODY_BUFFER_BYTES,
  });
}

function sendDirect(
  { url, headers, signal }: HttpRequest,
  tls: { ca?: string[] },
): Promise<DirectResponse | undefined> {
  const times = { connectTimeoutMs: CONNECT_TIMEOUT_MS, silenceTimeoutMs: SILENCE_TIMEOUT_MS };
  return getDirect(url, { "user-agent": "wasmlet", ...headers }, { tls, ...times, signal });
}

function respondDirect(
  { url, signal }: HttpRequest,
  { status, headers, body, close }: DirectResponse,
  release: () => void,
  timing: Timing,
): HttpResponse {
  const discard = (): void => {
    close();
    release();
  };
  return {
    status,
    header: (name) => headers.get(name)?.[0],
    headers: (name) => headers.get(name) ?? [],
    url,
    body: releasing(paced(body, url, timing, signal), discard),
    discard,
  };
}

async function* releasing(body: AsyncIterable<Uint8Array>, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    release();
  }
}

function respond(
  { url, signal }: HttpRequest,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  release: () => void,
  timing: Timing,
): HttpResponse {
  body.once("close", release);
  const valuesOf = (name: string): string[] => [headers[name] ?? []].flat();
  return {
    status: statusCode,
    header: (name) => valuesOf(name)[0],
    headers: valuesOf,
    url,
    body: paced(body, url, timing, signal),
    discard: () => {
      body.on("error", () => {});
      // A short rest is read, so that the connection can be used again; a long one may be endless, and it goes.
      if (Number(valuesOf("content-length")[0]) > MAX_DISCARDED_BYTES || valuesOf("content-length").length === 0) {
        body.destroy();
      } else {
        const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
        body.dump({ limit: MAX_DISCARDED_BYTES, signal }).catch(() => body.destroy());
      }
      release();
    },
  };
}

async function* paced(
  body: AsyncIterable<Uint8Array>,
  url: URL,
  timing: Timing,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const pace = new Pace(timing);
  const where = placeOf(url);
  try {
    for await (const chunk of body) {
      pace.note(chunk.length, where);
      yield chunk;
    }
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof WasmletError) throw thrown;
    throw new TransientError("OCI_TRANSFER_FAILED", `the transfer broke off: ${reasonOf(thrown)}`, {
      where,
      cause: thrown,
    });
  }
}
