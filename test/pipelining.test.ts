import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Answer,
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

const cache = makeTemporaryFolder();
let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await startTestRuntime(
    [
      appManifest("probe", guestFile("probe")),
      appManifest("neighbour", guestFile("probe")),
      appManifest("hasty", guestFile("probe"), limited(1, 1)),
      appManifest("patient", guestFile("probe"), limited(4, 10)),
      appManifest("single", guestFile("probe"), limited(600, 1)),
    ],
    cache.path,
  );
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("contract: a connection that pipelines hundreds of requests is served one by one, and stalls nobody", async () => {
  const [probe, neighbour] = [await urlOf(runtime, "probe"), await urlOf(runtime, "neighbour")];
  await get(`${neighbour}/hello`);
  const { hostname, port } = new URL(probe);
  const socket = connect(Number(port), hostname);
  const received = text(socket);
  const requests = Array.from({ length: 300 }, (_, index) => `GET /sleep?ms=${index % 7} HTTP/1.1\r\nHost: a\r\n`);
  socket.write(`${requests.join("\r\n")}Connection: close\r\n\r\n`);
  const first = await Promise.race([
    received.then(() => "all of them"),
    get(`${neighbour}/hello`).then(() => "neighbour"),
  ]);
  expect(first).toBe("neighbour");
  const answers = (await received).split("HTTP/1.1 200 OK").slice(1);
  expect(answers.map((answer) => /slept (\d+) ms/.exec(answer)?.[1])).toEqual(
    requests.map((_, index) => String(index % 7)),
  );
  expect(await metric(runtime, "wasmlet_cell_restarts_total")).toBe(0);
});

test("http: pipelined requests with bodies are answered in their order", async () => {
  const { hostname, port } = new URL(await urlOf(runtime, "probe"));
  const socket = connect(Number(port), hostname);
  socket.write(post("<") + post(">".repeat(500_000)) + post("{", "Connection: close\r\n"));
  const bodies = (await text(socket)).replaceAll(/[^<>{]/g, "");
  expect(bodies).toBe(`<${">".repeat(500_000)}{`);
});

test("contract: the time that a request waits for an instance counts towards requestTimeoutSeconds", async () => {
  const [hasty, patient] = [await urlOf(runtime, "hasty"), await urlOf(runtime, "patient")];
  const settled: string[] = [];
  const ask = async (name: string, url: string): Promise<Answer> =>
    get(`${url}/sleep?ms=3600000`).finally(() => settled.push(name));
  // One after another they would take five seconds.
  const late = ask("patient", patient);
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("hasty", hasty)));
  expect(settled).toEqual(Array(5).fill("hasty"));
  for (const { status, headers } of answers) {
    expect([
      [504, "GUEST_TIMEOUT"],
      [503, "REQUEST_OVERLOADED"],
    ]).toContainEqual([status, headers["x-wasmlet-error"]]);
  }
  expect((await late).status).toBe(504);
});

test("contract: a client that leaves the queue costs no instance", async () => {
  const [single, neighbour] = [await urlOf(runtime, "single"), await urlOf(runtime, "neighbour")];
  const { hostname, port } = new URL(single);
  const holder = connect(Number(port), hostname);
  holder.write("GET /stream?chunks=2&ms=3600000 HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(holder, "data");
  const abandoned = Array.from({ length: 4 }, () => connect(Number(port), hostname));
  for (const socket of abandoned) socket.write("GET /print?lines=1&bytes=7 HTTP/1.1\r\nHost: a\r\n\r\n");
  // All places are taken once one is refused.
  const others: Promise<Answer>[] = [];
  const refused = (): Promise<number | undefined> =>
    metric(runtime, "wasmlet_limit_hits_total", 'app="single",limit="concurrency"');
  do others.push(get(`${single}/hello`));
  while ((await refused()) === undefined);
  for (const socket of abandoned) socket.destroy();
  // The cell has seen it by the time that it answered others.
  for (let round = 0; round < 5; round++) await get(`${neighbour}/hello`);
  const printed = (): number => runtime.lines.filter(({ kind }) => kind === "guest").length;
  holder.destroy();
  await Promise.all(others);
  let last: Answer;
  do last = await get(`${single}/print?lines=1&bytes=7`);
  while (last.status !== 200);
  while (printed() === 0) await nextTurn();
  expect(printed()).toBe(1);
});

function limited(requestTimeoutSeconds: number, concurrency: number): { spec: Record<string, unknown> } {
  return { spec: { limits: { requestTimeoutSeconds, concurrency } } };
}

function post(body: string, more = ""): string {
  return `POST /echo HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}
