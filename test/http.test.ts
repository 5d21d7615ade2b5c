import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type AppChanges,
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  type Manifest,
  metric,
  open,
  send,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";
import { EMPTY_POLL, UNFINISHED_RESPONSE } from "./odd-guests.ts";

/** The largest request body that a cell passes on. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

const cache = makeTemporaryFolder();
let runtime: TestRuntime;
let probe: string;

beforeAll(async () => {
  const odd = { "empty-poll": EMPTY_POLL.http, unfinished: UNFINISHED_RESPONSE };
  for (const [name, wat] of Object.entries(odd)) writeFileSync(join(cache.path, name), await parse(wat));
  runtime = await startTestRuntime(
    [
      // Longer than a test may take: only what is seen at once is answered.
      ...Object.keys(odd).map((name) =>
        appManifest(name, join(cache.path, name), { spec: { limits: { requestTimeoutSeconds: 600 } } }),
      ),
      probeApp("probe"),
      probeApp("kept", { spec: { isolation: { reuse: "Instance" } } }),
      probeApp("hasty", { spec: { limits: { requestTimeoutSeconds: 1 } } }),
    ],
    cache.path,
  );
  probe = await urlOf(runtime, "probe");
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("http: a guest answers over a socket", async () => {
  const { status, body } = await get(`${probe}/hello`);
  expect(status).toBe(200);
  expect(body).toBe("Hello from probe\n");
});

test("http: a body streams both ways, each chunk before the next is sent", async () => {
  const request = startPost(`${probe}/echo`);
  request.write("one");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks = response[Symbol.asyncIterator]();
  for (const next of ["two", "three"]) {
    expect(String((await chunks.next()).value)).toBe(next === "two" ? "one" : "two");
    request.write(next);
  }
  expect(String((await chunks.next()).value)).toBe("three");
  request.end();
  expect((await chunks.next()).done).toBe(true);
});

test("http: a chunk arrives while the guest waits, and clients that leave free their instances", async () => {
  // The second chunk would come in an hour: only streaming shows the first, only an abort ends the guest.
  const responses = await Promise.all(Array.from({ length: 5 }, () => open(`${probe}/stream?chunks=2&ms=3600000`)));
  for (const response of responses) {
    const [chunk] = (await once(response, "data")) as [Buffer];
    expect(chunk.toString()).toBe("chunk 0\n");
  }
  expect(await instancesOf("probe")).toBeGreaterThanOrEqual(5);
  for (const response of responses) response.destroy();
  // One may stand ready for the next request.
  await untilInstances("probe", (count) => count <= 1);
});

test("http: HEAD has the headers of GET and no body", async () => {
  const { status, headers, body } = await send(`${probe}/set-headers`, { method: "HEAD" });
  expect(status).toBe(200);
  expect(headers["x-probe"]).toBe("yes");
  expect(body).toBe("");
});

test("http: trailers pass through in both directions", async () => {
  const request = startPost(`${probe}/echo-trailers`, { trailer: "x-checksum", te: "trailers" });
  request.addTrailers({ "x-checksum": "abc" });
  request.end("body");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  expect(await text(response)).toBe("body");
  expect(response.trailers).toEqual({ "x-checksum": "abc" });
});

test("http: two headers of one name stay two", async () => {
  const { headers } = await get(`${probe}/set-headers`);
  expect(headers["set-cookie"]).toEqual(["a=1; Path=/", "b=2; Path=/"]);
});

test("http: a large body arrives whole", async () => {
  const { status, body } = await send(`${probe}/echo`, { method: "POST" }, "0123456789".repeat(500_000));
  expect(status).toBe(200);
  expect(body).toBe("0123456789".repeat(500_000));
});

test("contract: with reuse Request, each request sees a pristine program", async () => {
  const counts: string[] = [];
  for (let index = 0; index < 5; index++) counts.push((await get(`${probe}/count`)).body);
  expect(counts).toEqual(["1\n", "1\n", "1\n", "1\n", "1\n"]);
});

test("contract: with reuse Instance, an instance keeps its state between requests", async () => {
  const kept = await urlOf(runtime, "kept");
  const counts: string[] = [];
  for (let index = 0; index < 3; index++) counts.push((await get(`${kept}/count`)).body);
  expect(counts).toEqual(["1\n", "2\n", "3\n"]);
});

test("contract: 200 sleeping requests of one app are served at the same time", async () => {
  const answers = Promise.all(Array.from({ length: 200 }, () => get(`${probe}/sleep?ms=3000`)));
  // Resolves while they sleep, or never: then the answers come first.
  const together = untilInstances("probe", (count) => count >= 200).then(() => "together");
  expect(await Promise.race([together, answers.then(() => "one after another")])).toBe("together");
  for (const { status, body } of await answers) expect([status, body]).toEqual([200, "slept 3000 ms\n"]);
});

test.each([
  ["two Host headers", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["no Host header", "GET /hello HTTP/1.1\r\n\r\n"],
  ["a Host with a space", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"],
  ["a target of another authority", "GET http://other/hello HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["Transfer-Encoding on HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two encodings", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
])("contract: a request with %s is refused as ambiguous", async (_shape, request) => {
  const answer = await sendRaw(probe, request);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toMatch(/^x-wasmlet-error: REQUEST_AMBIGUOUS\r$/im);
});

test.each([
  [
    "headers that are too large",
    `GET /hello HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(64 * 1024)}\r\n\r\n`,
    431,
    "REQUEST_HEADERS_TOO_LARGE",
  ],
  [
    "a body that is too large",
    `POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`,
    413,
    "REQUEST_BODY_TOO_LARGE",
  ],
  [
    "both body lengths",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
    "REQUEST_MALFORMED",
  ],
  ["no version", "GET /hello\r\n\r\n", 400, "REQUEST_MALFORMED"],
  ["a version that is not spoken", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 400, "REQUEST_MALFORMED"],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "REQUEST_METHOD"],
  [
    "an expectation that is not known",
    "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
    417,
    "REQUEST_EXPECTATION",
  ],
  ["something else than HTTP", "hello\r\n\r\n", 400, "REQUEST_MALFORMED"],
])("contract: %s: refused with a status and a code", async (_shape, request, status, code) => {
  const answer = await sendRaw(probe, request);
  expect(answer).toContain(`HTTP/1.1 ${status} `);
  expect(answer).toContain(`x-wasmlet-error: ${code}\r\n`);
});

test("http: a target in absolute form is its path and query to the guest", async () => {
  const answer = await sendRaw(probe, "GET http://a/hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*Hello from probe\n/);
});

test("http: a client of HTTP/1.0 is not told to continue, one of HTTP/1.1 is", async () => {
  expect(await postExpecting("1.0")).toMatch(/^HTTP\/1\.1 200 /);
  expect(await postExpecting("1.1")).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
});

test.each([
  ["/never", 502, "GUEST_NO_RESPONSE"],
  ["/trap-before", 502, "GUEST_TRAPPED"],
  ["/set-error", 502, "GUEST_ERROR"],
])("contract: %s is answered %d with %s", async (path, expected, code) => {
  const { status, headers, body } = await get(`${probe}${path}`);
  expect(status).toBe(expected);
  expect(headers["x-wasmlet-error"]).toBe(code);
  expect(JSON.parse(body)).toMatchObject({ code });
});

test("contract: a guest that traps in a wait is answered 502 at once", async () => {
  const { status, headers, body } = await get(await urlOf(runtime, "empty-poll"));
  expect([status, headers["x-wasmlet-error"]]).toEqual([502, "GUEST_TRAPPED"]);
  expect(body).toContain("poll: the list of pollables must not be empty");
});

test("contract: a guest that returns with its body unfinished is answered 502 at once", async () => {
  const { status, headers } = await get(await urlOf(runtime, "unfinished"));
  expect([status, headers["x-wasmlet-error"]]).toEqual([502, "GUEST_RESPONSE_INCOMPLETE"]);
});

test("contract: a response that breaks off before any of it was sent is answered 502", async () => {
  const { status, headers } = await get(`${probe}/trap-during`);
  expect([status, headers["x-wasmlet-error"]]).toEqual([502, "GUEST_RESPONSE_INCOMPLETE"]);
});

test("contract: a response that breaks off in the middle cuts the connection", async () => {
  const response = await open(`${await urlOf(runtime, "hasty")}/stream?chunks=2&ms=3600000`);
  await expect(text(response)).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(response.complete).toBe(false);
});

test("contract: a trap after a complete response does not spoil it", async () => {
  const { status, body } = await get(`${probe}/trap-after`);
  expect([status, body]).toEqual([200, "complete\n"]);
});

test("contract: a guest that takes longer than requestTimeoutSeconds is answered 504", async () => {
  const hasty = await urlOf(runtime, "hasty");
  const { status, headers } = await get(`${hasty}/sleep?ms=3600000`);
  expect(status).toBe(504);
  expect(headers["x-wasmlet-error"]).toBe("GUEST_TIMEOUT");
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'app="hasty",limit="request_timeout"')).toBe(2);
});

test("http: faults leave no instance behind, and the guest goes on serving", async () => {
  expect((await get(`${probe}/hello`)).status).toBe(200);
  for (const app of ["probe", "hasty"]) await untilInstances(app, (count) => count <= 1);
});

function probeApp(name: string, changes?: AppChanges): Manifest {
  return appManifest(name, guestFile("probe"), changes);
}

/** Starts a chunked POST whose body the test writes bit by bit. */
function startPost(url: string, headers: Record<string, string> = {}): ClientRequest {
  return httpRequest(url, { agent: false, method: "POST", headers: { "transfer-encoding": "chunked", ...headers } });
}

/** Sends a body with `Expect: 100-continue`, without waiting for it; returns what comes back. */
function postExpecting(version: string): Promise<string> {
  const head = `POST /echo HTTP/${version}\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n`;
  return sendRaw(probe, `${head}Content-Length: 2\r\n\r\nhi`);
}

/** Sends bytes as they are and returns what comes back until the connection ends. */
async function sendRaw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return text(socket);
}

/** The app's live instances, freshly counted by its cells. */
async function instancesOf(app: string): Promise<number> {
  return (await metric(runtime, "wasmlet_instances", `app="${app}"`)) ?? 0;
}

/** Resolves once the number of instances is as wanted; the test's time limit ends it otherwise. */
async function untilInstances(app: string, isWanted: (count: number) => boolean): Promise<void> {
  while (!isWanted(await instancesOf(app)));
}
