import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConnectionQueue, MAX_PIPELINED, type Turn } from "./connection-queue.ts";

let server: Server;
let turns: Turn[];
let onTurn: (turn: Turn) => void;

beforeEach(async () => {
  turns = [];
  onTurn = () => {};
  const queue = new ConnectionQueue((turn) => {
    turns.push(turn);
    onTurn(turn);
  });
  server = createServer((request, response) => queue.add(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Opens a connection and writes so many requests, `/0`, `/1` and so on, at once. */
function pipeline(count: number): Socket {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  const paths = Array.from({ length: count }, (_, index) => `/${index}`);
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  return socket;
}

async function untilTurns(count: number): Promise<void> {
  while (turns.length < count) await nextTurn();
}

test("connection queue: one request of a connection is served at a time, in order, others meanwhile", async () => {
  const socket = pipeline(3);
  await untilTurns(1);
  const other = pipeline(1);
  await untilTurns(2);
  expect(turns.map(({ request }) => request.url)).toEqual(["/0", "/0"]);
  turns[0]!.response.end("a");
  await untilTurns(3);
  expect(turns[2]!.request.url).toBe("/1");
  turns[2]!.response.end("b");
  await untilTurns(4);
  expect(turns[3]).toMatchObject({ request: { url: "/2" }, isLast: true, isSurplus: false });
  other.destroy();
  socket.destroy();
});

test("connection queue: the event loop gets a turn before each request that waited", async () => {
  let turnsOfLoop = 0;
  const seen: number[] = [];
  const count = (): void => {
    turnsOfLoop++;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  onTurn = ({ response }) => {
    seen.push(turnsOfLoop);
    response.end();
  };
  const socket = pipeline(10);
  await untilTurns(10);
  clearImmediate(counting);
  expect(new Set(seen).size).toBe(10);
  socket.destroy();
});

test("connection queue: the first request that is too many ends the connection, those behind it are dropped", async () => {
  onTurn = ({ response, isSurplus }) => {
    if (isSurplus) response.setHeader("connection", "close");
    if (turns.length > 1) response.end();
  };
  // More than Node.js reads at once: it must stop reading too.
  const socket = pipeline(20_000);
  await untilTurns(1);
  // Whatever is read of them is read before the first ends.
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  turns[0]!.response.end();
  await once(socket.resume(), "close");
  expect(turns.map(({ isSurplus }) => isSurplus)).toEqual([...Array<boolean>(MAX_PIPELINED + 1).fill(false), true]);
});

test("connection queue: what waits on a connection that is gone is never served", async () => {
  const socket = pipeline(5);
  await untilTurns(1);
  const closed = once(turns[0]!.response, "close");
  socket.destroy();
  await closed;
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  expect(turns).toHaveLength(1);
});
