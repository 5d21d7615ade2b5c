import { connect, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BytePipe } from "../wasi/io/byte-pipe.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import type { Exchange, ExchangeObserver } from "./exchange.ts";
import type { HeaderLine } from "./response-head.ts";

/** A server whose exchanges wait for the test. */
class Owner implements ConnectionOwner {
  isDraining = false;
  seconds = 0;
  readonly exchanges: Exchange[] = [];
  readonly connections: Connection[] = [];
  onServe: (exchange: Exchange) => void = () => {};

  serve(exchange: Exchange): void {
    this.exchanges.push(exchange);
    this.onServe(exchange);
  }

  refuse(): { status: number; headers: HeaderLine[]; body: string } {
    return { status: 400, headers: [], body: "refused" };
  }

  closed(connection: Connection): void {
    this.connections.splice(this.connections.indexOf(connection), 1);
  }
}

let owner: Owner;
let server: Server;
let clients: Socket[];

beforeEach(async () => {
  owner = new Owner();
  clients = [];
  server = createServer({ allowHalfOpen: true }, (socket) => owner.connections.push(new Connection(socket, owner)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  for (const client of clients) client.destroy();
  server.close();
});

function open(bytes: string): Socket {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(bytes);
  clients.push(socket);
  return socket;
}

/** Resolves once so many exchanges have begun. */
async function exchange(count = 1): Promise<Exchange> {
  while (owner.exchanges.length < count) await nextTurn();
  return owner.exchanges[count - 1]!;
}

/** Resolves once the client received a text. */
async function receive(socket: Socket, wanted: string | RegExp): Promise<string> {
  let received = "";
  for (;;) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    received += chunk.toString("latin1");
    if (typeof wanted === "string" ? received.includes(wanted) : wanted.test(received)) return received;
  }
}

function respond(to: Exchange, content: string, headers: HeaderLine[] = [], trailers: HeaderLine[] = []): void {
  const pipe = new BytePipe();
  pipe.write(Buffer.from(content));
  pipe.end();
  to.respond({ status: 200, headers, body: pipe, trailers: () => trailers });
}

/** Opens a response whose body the test writes. */
function stream(to: Exchange, headers: HeaderLine[] = []): BytePipe {
  const pipe = new BytePipe();
  to.respond({ status: 200, headers, body: pipe, trailers: () => undefined });
  return pipe;
}

class Observer implements ExchangeObserver {
  readonly said: string[] = [];
  gone(why: string): void {
    this.said.push(`gone: ${why}`);
  }
  failed(failure: unknown): void {
    this.said.push(`failed: ${String(failure)}`);
  }
  over(): void {
    this.said.push("over");
  }
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OLD = "GET / HTTP/1.0\r\n\r\n";

test("connection: a body that is complete at once has its length, and the connection stays", async () => {
  const socket = open(GET);
  respond(await exchange(), "hello", [["x-a", "1"]]);
  const answer = await receive(socket, "hello");
  expect(answer).toMatch(
    /^HTTP\/1\.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\ndate: .* GMT\r\nconnection: keep-alive\r\nkeep-alive: timeout=65\r\n\r\nhello$/,
  );
  socket.write(LAST);
  respond(await exchange(2), "bye");
  expect(await text(socket)).toMatch(/\r\nconnection: close\r\n\r\nbye$/);
});

test("connection: a body that comes bit by bit is chunked, its trailers behind it", async () => {
  const socket = open(LAST);
  const pipe = new BytePipe();
  (await exchange()).respond({ status: 200, headers: [], body: pipe, trailers: () => [["x-sum", "42"]] });
  pipe.write(Buffer.from("one"));
  expect(await receive(socket, "one")).toMatch(/transfer-encoding: chunked[^]*\r\n\r\n3\r\none\r\n$/);
  pipe.write(Buffer.from("two"));
  await receive(socket, "two");
  pipe.end();
  expect(await text(socket)).toBe("0\r\nx-sum: 42\r\n\r\n");
});

test("connection: to HTTP/1.0 the end of the connection is the end of a body without length", async () => {
  const socket = open(OLD);
  const pipe = stream(await exchange());
  pipe.write(Buffer.from("one"));
  expect(await receive(socket, "one")).toMatch(/connection: close\r\n\r\none$/);
  pipe.end();
  expect(await text(socket)).toBe("");
});

test("connection: a body larger than all buffers arrives whole and in order, however slowly it is read", async () => {
  const socket = open(LAST);
  const pipe = stream(await exchange());
  const pieces = Array.from({ length: 4000 }, (_, index) => `${index};`.padEnd(5000, "x"));
  socket.pause();
  const reading = text(socket);
  for (const piece of pieces) {
    while (pipe.capacity() === 0) await new Promise<void>((wake) => pipe.subscribe(wake));
    pipe.write(Buffer.from(piece));
  }
  pipe.end();
  const answer = (await reading).replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
  expect(answer.match(/\d+;/g)).toEqual(pieces.map((piece) => /\d+;/.exec(piece)![0]));
});

test("connection: HTTP/1.0 may keep the connection, and is told so", async () => {
  const socket = open("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  respond(await exchange(), "hello");
  expect(await receive(socket, "hello")).toMatch(/content-length: 5\r\n[^]*connection: keep-alive\r\n/);
});

test.each([
  ["HEAD", 200, [["content-length", "5"]]],
  ["GET", 304, [["content-length", "5"]]],
  ["GET", 204, []],
] as [string, number, HeaderLine[]][])("connection: %s with %i has no body", async (method, status, headers) => {
  const socket = open(`${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const pipe = new BytePipe();
  pipe.write(Buffer.from("hello"));
  pipe.end();
  (await exchange()).respond({ status, headers, body: pipe, trailers: () => undefined });
  const answer = await text(socket);
  expect(answer.endsWith("\r\n\r\n")).toBe(true);
  expect(answer).not.toContain("transfer-encoding");
  expect(answer.includes("content-length: 5\r\n")).toBe(headers.length > 0);
});

test.each([
  ["shorter", "5", "abc"],
  ["longer", "2", "abc"],
  ["of a length that is none", "x", "abc"],
  ["of two lengths", "3", "abc"],
])("connection: a body that is %s than declared is a failure, and can be answered", async (how, length, content) => {
  const socket = open(GET);
  const served = await exchange();
  const observer = new Observer();
  served.observer = observer;
  const more: HeaderLine[] = how === "of two lengths" ? [["Content-Length", "4"]] : [];
  respond(served, content, [["content-length", length], ...more]);
  expect(observer.said).toEqual(["failed: undefined"]);
  served.answer({ status: 502, headers: [], body: "broken" });
  expect(observer.said).toEqual(["failed: undefined", "over"]);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*\r\n\r\nbroken$/);
});

test("connection: a body that fails after it began can only be cut", async () => {
  const socket = open(GET);
  const served = await exchange();
  const observer = new Observer();
  served.observer = observer;
  const pipe = stream(served);
  pipe.write(Buffer.from("one"));
  await receive(socket, "one");
  pipe.fail(new Error("lost"));
  served.answer({ status: 502, headers: [], body: "broken" });
  served.cut();
  await once(socket, "close");
  expect(observer.said).toEqual(["failed: Error: lost", "gone: the connection was cut", "over"]);
});

test("connection: requests sent at once are served in turn, the event loop between them", async () => {
  let turns = 0;
  const seen: [string, number][] = [];
  const count = (): void => void (turns++, (counting = setImmediate(count)));
  let counting = setImmediate(count);
  owner.onServe = (served) => {
    seen.push([served.request.target, turns]);
    respond(served, served.request.target);
  };
  const targets = Array.from({ length: 2000 }, (_, index) => `/${index}`);
  const socket = open(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join("") + LAST);
  await text(socket);
  clearImmediate(counting);
  expect(seen.slice(0, -1).map(([target]) => target)).toEqual(targets);
  expect(new Set(seen.map(([, turn]) => turn)).size).toBe(seen.length);
});

test("connection: what waits behind a request is not read on and on", async () => {
  const socket = open(GET);
  await exchange();
  const before = socket.bytesWritten;
  let blocked = false;
  // Larger than what both systems hold for a connection that is not read.
  for (let sent = 0; sent < 64 && !blocked; sent++) {
    blocked = !socket.write(Buffer.alloc(2 ** 20)) && socket.writableLength > 16 * 2 ** 20;
    await nextTurn();
  }
  expect(blocked).toBe(true);
  expect(socket.bytesWritten - before).toBeGreaterThan(0);
});

test("connection: a body is read only as far as it is taken", async () => {
  const size = 32 * 2 ** 20;
  const socket = open(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  socket.write(Buffer.alloc(size, "x"));
  const { body } = await exchange();
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  expect(socket.writableLength).toBeGreaterThan(size / 2);
  let received = 0;
  for (let chunk = body!.take(65_536); chunk !== null; chunk = body!.take(65_536)) {
    if (chunk === undefined) await new Promise<void>((wake) => body!.subscribe(wake));
    else received += chunk.length;
  }
  expect(received).toBe(size);
  respond(owner.exchanges[0]!, "all");
  expect(await text(socket)).toContain("all");
});

test("connection: what is left of a body that nobody wants does not spoil the next request", async () => {
  const socket = open(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n${"x".repeat(400_000)}`);
  respond(await exchange(), "enough");
  await receive(socket, "enough");
  socket.write("x".repeat(100_000) + LAST);
  respond(await exchange(2), "next");
  expect(await text(socket)).toContain("next");
});

const REFUSAL = { status: 429, headers: [], body: "less!", keepsConnection: true } as const;

test("connection: a whole answer that keeps it is followed by the next request, without the body of the one before", async () => {
  const socket = open(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n${"x".repeat(400_000)}`);
  (await exchange()).answer(REFUSAL);
  const refused = await receive(socket, "less!");
  expect(refused).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n[^]*connection: keep-alive\r\n/);
  socket.write("x".repeat(100_000) + LAST);
  respond(await exchange(2), "next");
  expect(await text(socket)).toContain("next");
});

test.each([
  ["a client that wishes no other request", LAST],
  [
    "a client that was not asked for its body",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
  ],
])("connection: a whole answer that keeps it ends it nevertheless for %s", async (_, request) => {
  const socket = open(request);
  (await exchange()).answer(REFUSAL);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 429 [^]*connection: close\r\n[^]*less!$/);
});

test("connection: a client that leaves is noticed, and nothing of it is served any more", async () => {
  const socket = open(GET + GET);
  const served = await exchange();
  const observer = new Observer();
  served.observer = observer;
  const pipe = stream(served);
  socket.destroy();
  while (owner.connections.length > 0) await nextTurn();
  expect(observer.said).toEqual(["gone: the client went away", "over"]);
  pipe.write(Buffer.from("late"));
  served.answer({ status: 500, headers: [], body: "late" });
  expect(owner.exchanges).toHaveLength(1);
});

test("connection: a request that is none is refused once those before it are answered", async () => {
  const socket = open(`${GET}nonsense\r\n\r\n`);
  const served = await exchange();
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  respond(served, "first");
  expect(await text(socket)).toMatch(/first[^]*HTTP\/1\.1 400 Bad Request\r\n[^]*connection: close\r\n\r\nrefused$/);
});

test("connection: a chunk that is none is refused while the answer has not begun", async () => {
  const socket = open("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  const served = await exchange();
  const observer = new Observer();
  served.observer = observer;
  socket.write("nonsense\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
  expect(observer.said).toEqual([expect.stringMatching(/^gone: the request is not valid HTTP/), "over"]);
  expect(served.body!.take(10)).toEqual(Buffer.from("abc"));
  expect(() => served.body!.take(10)).toThrow("not valid HTTP");
});

test("connection: idle and slow connections end when their time is over", async () => {
  const [idle, slow] = [open(""), open("GET / HTTP/1.1\r\nHost")];
  while (owner.connections.length < 2) await nextTurn();
  const check = (seconds: number): void => {
    owner.seconds = seconds;
    for (const connection of owner.connections.slice()) connection.check();
  };
  // What was written may not have been read yet.
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  check(30);
  expect(owner.connections).toHaveLength(2);
  check(31);
  expect(await text(slow)).toMatch(/^HTTP\/1\.1 400 /);
  check(66);
  expect(await text(idle)).toBe("");
});

test("connection: a draining server tells each client to close, and ends what is idle when asked to", async () => {
  const [busy, idle] = [open(GET), open("")];
  const served = await exchange();
  while (owner.connections.length < 2) await nextTurn();
  owner.isDraining = true;
  for (const connection of owner.connections) connection.endIfIdle();
  expect(await text(idle)).toBe("");
  respond(served, "last");
  expect(await text(busy)).toMatch(/connection: close\r\n\r\nlast$/);
});

/** Has so much written to a client that does not read that the system takes no more. */
async function fill(socket: Socket): Promise<Connection> {
  socket.pause();
  while (owner.connections.length === 0) await nextTurn();
  const connection = owner.connections[0]!;
  for (let count = 1; connection.waitingBytes === 0; count++) {
    socket.write(GET);
    respond(await exchange(count), "x".repeat(30_000));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  }
  return connection;
}

test("connection: a client that reads slowly gets the end of the last response too", async () => {
  const socket = open("");
  const connection = await fill(socket);
  socket.write(LAST);
  const last = await exchange(owner.exchanges.length + 1);
  respond(last, "the last");
  expect([last.isOver, connection.waitingBytes > 0]).toEqual([true, true]);
  owner.seconds = 20;
  connection.check();
  expect((await text(socket)).slice(-8)).toBe("the last");
});

test("connection: a client that reads nothing at all is not waited for without end", async () => {
  const connection = await fill(open(""));
  connection.endIfIdle();
  owner.seconds = 31;
  connection.check();
  while (owner.connections.length > 0) await nextTurn();
});

test("connection: the end of the connection completes no response that broke off", async () => {
  const socket = open(OLD);
  const errors: unknown[] = [];
  socket.on("error", ({ code }: NodeJS.ErrnoException) => errors.push(code));
  const served = await exchange();
  stream(served).write(Buffer.from("one"));
  await receive(socket, "one");
  served.cut();
  await new Promise((resolve) => socket.once("close", resolve));
  expect(errors).toEqual(["ECONNRESET"]);
});

test("connection: a draining server ends no connection whose next request was read", async () => {
  const socket = open(GET + LAST);
  const first = await exchange();
  respond(first, "first");
  for (const connection of owner.connections) connection.endIfIdle();
  respond(await exchange(2), "second");
  expect(await text(socket)).toContain("second");
});

test.each([
  ["all there", 3],
  ["still coming", 1],
])("connection: a body that is %s may be read behind the response", async (_, sent) => {
  const socket = open(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n${"abc".slice(0, sent)}`);
  const served = await exchange();
  served.keepsBody = true;
  respond(served, "early");
  await receive(socket, "early");
  const [connection] = owner.connections;
  owner.seconds = 10;
  connection!.check();
  socket.write("abc".slice(sent) + LAST);
  let content = "";
  for (let chunk = served.body!.take(10); chunk !== null; chunk = served.body!.take(10)) {
    if (chunk === undefined) await new Promise<void>((wake) => served.body!.subscribe(wake));
    else content += Buffer.from(chunk).toString();
  }
  expect(content).toBe("abc");
  respond(await exchange(2), "next");
  expect(await text(socket)).toContain("next");
});

test("connection: a body that is read behind the response fails when the client leaves", async () => {
  const socket = open("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  const served = await exchange();
  served.keepsBody = true;
  respond(served, "early");
  await receive(socket, "early");
  socket.end();
  while (owner.connections.length > 0) await nextTurn();
  expect(served.body!.take(10)).toEqual(Buffer.from("a"));
  expect(() => served.body!.take(10)).toThrow("the client went away");
});

test("connection: what may have no length has none", async () => {
  const socket = open(LAST);
  const served = await exchange();
  served.inform(103, [["Content-Length", "7"]]);
  const pipe = new BytePipe();
  pipe.end();
  served.respond({ status: 204, headers: [["Content-Length", "5"]], body: pipe, trailers: () => undefined });
  expect((await text(socket)).toLowerCase()).not.toContain("content-length");
});
