import { type AddressInfo, createServer, type Server } from "node:net";
import { getEventListeners, once } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { HttpConnection } from "./http-connection.ts";

/** Opens a connection to a server that sends the pieces one after another, each after the one before has left. */
async function openTo(pieces: readonly string[]): Promise<HttpConnection> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", async () => {
      for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connection = await HttpConnection.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  onTestFinished(() => {
    connection.close();
    server.close();
  });
  return connection;
}

/** Serves an answer behind which the connection ends. */
async function endAfter(answer: string): Promise<{ server: Server; url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

test.each([
  ["a length", ["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhel", "lo"]],
  ["chunks", ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "0\r\n", "\r\n"]],
  ["no body", ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]],
])("connection: an answer with %s ends where it ends, twice on one connection", async (_, pieces) => {
  const connection = await openTo(pieces);
  expect(await connection.get()).toBe(pieces.join(""));
  expect(await connection.get()).toBe(pieces.join(""));
});

test("connection: an answer other than 200 is refused", async () => {
  const connection = await openTo(["HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"]);
  await expect(connection.get()).rejects.toThrow("expected 200, got HTTP/1.1 503 Busy");
});

test("connection: an answer without end is given up", async () => {
  const connection = await openTo(["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "x".repeat(1_048_577)]);
  await expect(connection.get()).rejects.toThrow("the answer is longer than 1048576 bytes");
});

test("connection: an exchange is over with any status", async () => {
  const answer = "HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 4\r\n\r\nlate";
  expect(await (await openTo([answer])).exchange()).toBe(answer);
});

test("connection: one that the server has closed refuses the next request", async () => {
  const { server, url } = await endAfter("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const connection = await HttpConnection.open(url);
  await connection.get();
  await once(server.close(), "close");
  expect(connection.isOpen).toBe(false);
  await expect(connection.get()).rejects.toThrow("closed the connection");
});

test("connection: an answer of HTTP/1.0 is over when the connection is", async () => {
  const { url } = await endAfter("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nhello");
  const connection = await HttpConnection.open(url);
  expect(await connection.get()).toContain("hello");
});

test("connection: one that is over leaves nothing on its signal", async () => {
  const { signal } = new AbortController();
  const { url } = await endAfter("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const connection = await HttpConnection.open(url, signal);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await connection.get();
  connection.close();
  await vi.waitFor(() => expect(getEventListeners(signal, "abort")).toHaveLength(0));
});
