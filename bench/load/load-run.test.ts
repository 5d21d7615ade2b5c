import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Arrivals, LoadRun, type Load } from "./load-run.ts";

/** Applies a load to a server that does what `serve` does with the nth request. */
async function apply(
  serve: (index: number, answer: (status: number) => void, cut: () => void) => void,
  load: Partial<Load>,
): Promise<Awaited<ReturnType<LoadRun["run"]>>> {
  let index = 0;
  const server: Server = createServer((request, response) =>
    serve(
      index++,
      (status) => response.writeHead(status, { "content-length": 2 }).end("ok"),
      () => request.socket.destroy(),
    ),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  try {
    return await new LoadRun({ url, seconds: 0.2, connections: 4, deadlineMs: 1000, ...load }).run();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("arrivals: they are due in their order, each once, and as often as they are to be", () => {
  const arrivals = new Arrivals(1000);
  const times: number[] = [];
  for (let due = arrivals.take(10_000); due !== undefined; due = arrivals.take(10_000)) times.push(due);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  expect(times.length).toBeGreaterThan(9000);
  expect(times.length).toBeLessThan(11_000);
  expect(arrivals.take(arrivals.nextMs - 0.001)).toBeUndefined();
});

test("load: answers are counted by status, and connections that the server ends as cut", async () => {
  const { counts, latenciesMicros } = await apply(
    (index, answer, cut) => (index % 3 === 2 ? cut() : answer(index % 3 === 1 ? 503 : 200)),
    { rate: 200, connections: 100 },
  );
  expect(Object.keys(counts).toSorted()).toEqual(["200", "503", "cut"]);
  expect(latenciesMicros).toHaveLength(counts["200"]!);
});

test("load: what nobody answers is late, and what finds no connection free is not sent", async () => {
  const { counts, latenciesMicros } = await apply(() => {}, { rate: 500, deadlineMs: 50 });
  expect(Object.keys(counts).toSorted()).toEqual(["late", "unsent"]);
  expect(latenciesMicros).toEqual([]);
});

test("load: without a rate, each connection sends one request after another", async () => {
  let [open, most] = [0, 0];
  const { counts } = await apply(
    (_index, answer) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        answer(200);
      });
    },
    { connections: 3 },
  );
  expect(most).toBeLessThanOrEqual(3);
  expect(counts["200"]).toBeGreaterThan(3);
});

test("load: a latency counts from when the request was due, not from when it could be sent", async () => {
  // One that the server holds keeps the process from sending the next.
  const { latenciesMicros } = await apply(
    (index, answer) => {
      const end = performance.now() + (index === 0 ? 60 : 0);
      while (performance.now() < end);
      answer(200);
    },
    { rate: 500, connections: 100 },
  );
  const slow = latenciesMicros.filter((micros) => micros > 20_000);
  expect(slow.length).toBeGreaterThan(5);
});
