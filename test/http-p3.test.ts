import { once } from "node:events";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  send,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

/* A WASI 0.3 handler over real sockets: what http.test.ts shows of WASI 0.2, where the way through the host differs. */

const cache = makeTemporaryFolder();
let runtime: TestRuntime;
let probe: string;
let kept: string;

beforeAll(async () => {
  runtime = await startTestRuntime(
    [
      appManifest("probe", guestFile("probe-p3")),
      appManifest("kept", guestFile("probe-p3"), { spec: { isolation: { reuse: "Instance" } } }),
    ],
    cache.path,
  );
  probe = await urlOf(runtime, "probe");
  kept = await urlOf(runtime, "kept");
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("http 0.3: status, headers and body reach the client", async () => {
  expect(await get(`${probe}/hello`)).toMatchObject({ status: 200, body: "Hello from probe\n" });
  expect((await get(`${probe}/status?code=418`)).status).toBe(418);
  expect((await get(`${probe}/set-headers`)).headers["set-cookie"]).toEqual(["a=1; Path=/", "b=2; Path=/"]);
});

test("http 0.3: a body streams both ways, each chunk before the next is sent", async () => {
  const request = startPost(`${probe}/echo`);
  request.write("one");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  const chunks = response[Symbol.asyncIterator]();
  expect((await chunks.next()).value).toBe("one");
  request.write("two");
  expect((await chunks.next()).value).toBe("two");
  request.end();
  expect((await chunks.next()).done).toBe(true);
});

test("http 0.3: trailers pass through in both directions", async () => {
  const request = startPost(`${probe}/echo-trailers`, { trailer: "x-checksum", te: "trailers" });
  request.addTrailers({ "x-checksum": "abc" });
  request.end("body");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  expect(await text(response)).toBe("body");
  expect(response.trailers).toEqual({ "x-checksum": "abc" });
});

test("http 0.3: a large body arrives whole", async () => {
  const body = "0123456789".repeat(200_000);
  expect((await send(`${probe}/echo`, { method: "POST" }, body)).body).toBe(body);
});

test("http 0.3: an error of the guest's is answered 502 with a code", async () => {
  const { status, headers } = await get(`${probe}/error`);
  expect([status, headers["x-wasmlet-error"]]).toEqual([502, "GUEST_ERROR"]);
});

test("http 0.3: a trap before the response is answered, one in the middle cuts the connection", async () => {
  expect((await get(`${probe}/trap-before`)).headers["x-wasmlet-error"]).toBe("GUEST_TRAPPED");
  await expect(get(`${probe}/trap-during`)).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("http 0.3: a request sees a pristine program; with reuse Instance it sees the one before, unless that trapped", async () => {
  expect(await counts(probe)).toEqual(["1\n", "1\n"]);
  expect(await counts(kept)).toEqual(["1\n", "2\n"]);
  expect((await get(`${kept}/trap-after`)).body).toBe("complete\n");
  expect((await get(`${kept}/hello`)).status).toBe(200);
});

test("http 0.3: an instance that is kept is replaced before what its calls leave behind adds up", async () => {
  const seen: number[] = [];
  for (let request = 0; request < 130; request++) seen.push(Number((await get(`${kept}/count`)).body));
  expect(Math.max(...seen)).toBeLessThanOrEqual(64);
  expect(seen.filter((count) => count === 1).length).toBeGreaterThanOrEqual(2);
});

function startPost(url: string, headers: Record<string, string> = {}): ClientRequest {
  const request = httpRequest(url, { method: "POST", headers });
  request.flushHeaders();
  return request;
}

/** What two requests in a row see of the guest's counter. */
async function counts(url: string): Promise<string[]> {
  return [(await get(`${url}/count`)).body, (await get(`${url}/count`)).body];
}
