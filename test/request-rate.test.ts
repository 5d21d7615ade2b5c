import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  type Answer,
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  type Manifest,
  metric,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

const AT_ONCE = 40;

const cache = makeTemporaryFolder();
let runtime: TestRuntime;

afterEach(() => runtime.stop(1000));
afterAll(() => cache.remove());

test("contract: requests beyond requestsPerSecond are answered 429, counted, and cost a neighbour nothing", async () => {
  runtime = await startTestRuntime([limited(4), appManifest("neighbour", guestFile("probe"))], cache.path);
  const [url, neighbour] = [await urlOf(runtime, "limited"), await urlOf(runtime, "neighbour")];
  const others = askAtOnce(neighbour);
  const { admitted, refused, refill } = await flood(url, 4);
  expect(admitted.length).toBeGreaterThanOrEqual(4);
  expect(admitted.length).toBeLessThanOrEqual(4 + refill);
  for (const { headers, body } of refused) {
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "x-wasmlet-error": "REQUEST_RATE_LIMITED",
      "retry-after": "1",
      connection: "close", // as this client asks
    });
    expect(JSON.parse(body)).toMatchObject({ code: "REQUEST_RATE_LIMITED", fix: expect.any(String) });
  }
  expect((await others).map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(200));
  const hits = await metric(runtime, "wasmlet_limit_hits_total", 'app="limited",limit="requests_per_second"');
  expect(hits).toBe(refused.length);
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'app="neighbour"')).toBeUndefined();
});

test("contract: a refused request is read to its end, and its connection serves the next", async () => {
  runtime = await startTestRuntime([limited(1)], cache.path);
  const socket = await dial(await urlOf(runtime, "limited"));
  const answers = text(socket);
  const request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n";
  const body = "x".repeat(100_000);
  socket.write(`${request}\r\n${body}`.repeat(9));
  socket.write(`GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const statuses = [...(await answers).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
  expect(statuses).toHaveLength(10);
  expect(statuses[0]).toBe("200");
  expect(statuses).toContain("429");
});

test("contract: cells that share a port share the limit, rounded up", async () => {
  runtime = await startTestRuntime([limited(3)], cache.path, { cells: 2 });
  const { admitted, refill } = await flood(await urlOf(runtime, "limited"), 4);
  expect(admitted.length).toBeGreaterThanOrEqual(4);
  expect(admitted.length).toBeLessThanOrEqual(4 + refill);
});

test("request rate: a changed limit applies without a restart", async () => {
  runtime = await startTestRuntime([limited(1)], cache.path);
  const url = await urlOf(runtime, "limited");
  const [before] = runtime.childPids().cells;
  for (const [limit, isRefused] of [
    [1, true],
    [1_000_000, false],
    [1, true],
    [undefined, false],
  ] as const) {
    runtime.write("apps.yaml", limited(limit));
    while ((await flood(url, 1)).refused.length > 0 !== isRefused);
  }
  expect(await urlOf(runtime, "limited")).toBe(url);
  expect(runtime.childPids().cells).toEqual([before]);
});

function limited(requestsPerSecond: number | undefined): Manifest {
  const limits = { ...(requestsPerSecond !== undefined && { requestsPerSecond }) };
  return appManifest("limited", guestFile("probe"), { spec: { limits } });
}

function askAtOnce(url: string): Promise<Answer[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, () => get(`${url}/hello`)));
}

/** Asks many times at once; tells also how many requests may have been admitted beyond a burst, however slow the machine is. */
async function flood(
  url: string,
  perSecond: number,
): Promise<{ admitted: Answer[]; refused: Answer[]; refill: number }> {
  const beginMs = performance.now();
  const answers = await askAtOnce(url);
  const refill = Math.floor(((performance.now() - beginMs) / 1000) * perSecond);
  const { 200: admitted = [], 429: refused = [] } = Object.groupBy(answers, ({ status }) => status);
  expect(admitted.length + refused.length).toBe(AT_ONCE);
  return { admitted, refused, refill };
}

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  return socket;
}
