import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

/*
 * Clients that behave as no client should, many at once, against one cell: whatever they leave behind, the app answers
 * the next request, nothing of theirs is left, and the cell is the one that it was.
 */

const CONCURRENCY = 4;
const cache = makeTemporaryFolder();
let runtime: TestRuntime;

beforeAll(async () => {
  const limits = { concurrency: CONCURRENCY, requestTimeoutSeconds: 1 };
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"), { spec: { limits } })], cache.path);
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

const REQUESTS = [
  "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /hello HTTP/1.0\r\n\r\n",
  "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /sleep?ms=20 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /sleep?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /stream?chunks=5&ms=5 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /bytes?n=9000000 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /bytes?n=300000 HTTP/1.0\r\n\r\n",
  "GET /trap-before HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /trap-during HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /trap-after HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /status?code=204 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n0123456789",
  `POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(5000)}0\r\nX-A: b\r\n\r\n`,
  `POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n${"x".repeat(400_000)}`,
  `POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n${"x".repeat(400_000)}`,
  "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense",
  "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\n\r\n",
  "nonsense\r\n\r\n",
];

interface Client {
  requests: string[];
  /** How many bytes it sends of them, and in pieces of how many. */
  share: number;
  pieceBytes: number;
  reads: "all" | "some" | "nothing";
  leaves: "ends" | "destroys" | "resets";
  /** Turns of the event loop until then. */
  afterTurns: number;
}

const client: fc.Arbitrary<Client> = fc.record({
  requests: fc.array(fc.constantFrom(...REQUESTS), { minLength: 1, maxLength: 4 }),
  share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  pieceBytes: fc.constantFrom(1, 7, 1000, 1_000_000),
  reads: fc.constantFrom("all", "some", "nothing"),
  leaves: fc.constantFrom("ends", "destroys", "resets"),
  afterTurns: fc.oneof(fc.nat(5), fc.nat(500)),
});

async function behave(url: URL, { requests, share, pieceBytes, reads, leaves, afterTurns }: Client): Promise<void> {
  const socket = connect(Number(url.port), url.hostname);
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  if (reads === "all") socket.resume();
  if (reads === "some") socket.once("data", () => socket.pause());
  const text = requests.join("");
  const bytes = Buffer.from(text.slice(0, Math.ceil(text.length * share)));
  for (let sent = 0, pieces = 0; sent < bytes.length && pieces < 300 && !socket.destroyed; pieces++) {
    socket.write(bytes.subarray(sent, (sent += pieces < 299 ? pieceBytes : bytes.length)));
    if (pieces % 10 === 0) await nextTurn();
  }
  for (let turn = 0; turn < afterTurns && !socket.destroyed; turn++) await nextTurn();
  leave(socket, leaves);
  if (leaves === "ends") await closed;
}

function leave(socket: Socket, how: Client["leaves"]): void {
  if (how === "destroys") socket.destroy();
  else if (how === "resets") socket.resetAndDestroy();
  else {
    socket.removeAllListeners("data").end();
    socket.resume();
  }
}

test("contract: whatever clients do, nothing of theirs is left, and the app goes on", async () => {
  const url = new URL(await urlOf(runtime, "probe"));
  const cells = runtime.childPids().cells;
  await fc.assert(
    fc.asyncProperty(fc.array(client, { minLength: 1, maxLength: 40, size: "max" }), async (clients) => {
      await Promise.all(clients.map((client) => behave(url, client)));
      // As many as the app may have at a time: a place that is lost is missed.
      const together = Array.from({ length: CONCURRENCY * 4 }, () => get(`${url.href}sleep?ms=1`));
      expect((await Promise.all(together)).map(({ status }) => status)).toEqual(together.map(() => 200));
    }),
    { numRuns: 10, endOnFailure: true },
  );
  while (((await metric(runtime, "wasmlet_instances", 'app="probe"')) ?? 0) > 1);
  expect(runtime.childPids().cells).toEqual(cells);
  expect(await metric(runtime, "wasmlet_cell_restarts_total")).toBe(0);
});
