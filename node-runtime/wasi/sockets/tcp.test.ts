import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { Clock } from "../clocks/clock.ts";
import { HostClosedError, WasiError } from "../errors.ts";
import type { InputStream } from "../io/input-stream.ts";
import { IoError } from "../io/error.ts";
import type { OutputStream } from "../io/output-stream.ts";
import { networkErrorCode } from "./network.ts";
import { at, codeOf, createSocketGuest, finished, type SocketGuest } from "./sockets-fixture.ts";
import type { TcpSocket } from "./tcp.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

interface Listening extends AsyncDisposable {
  port: number;
  connection: Promise<Socket>;
}

/** Starts a server on a free port of 127.0.0.1. */
async function listen(onConnection: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const { promise: connection, resolve } = Promise.withResolvers<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
    resolve(socket);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    connection,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

async function connectTo(guest: SocketGuest, port: number): Promise<[TcpSocket, InputStream, OutputStream]> {
  const socket = guest.createTcpSocket("ipv4");
  socket.startConnect(guest.network, at("127.0.0.1", port));
  const [input, output] = await finished(socket, () => socket.finishConnect());
  return [socket, input, output];
}

async function textOf(input: InputStream): Promise<string> {
  let text = "";
  try {
    for (;;) text += Buffer.from(await input.blockingRead(7n)).toString();
  } catch (error) {
    if (!(error instanceof WasiError) || (error.payload as { tag: string }).tag !== "closed") throw error;
    return text;
  }
}

test("tcp: bytes go both ways, and a half-closed connection still answers", async () => {
  await using server = await listen((socket) => {
    let text = "";
    socket.on("data", (data) => (text += data.toString()));
    socket.on("end", () => socket.end(`you said: ${text}`));
  });
  const [socket, input, output] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  await output.blockingWriteAndFlush(bytes("hello "));
  await output.blockingWriteAndFlush(bytes("there"));
  socket.shutdown("send");
  expect(codeOf(() => output.checkWrite())).toEqual({ tag: "closed" });
  expect(await textOf(input)).toBe("you said: hello there");
});

test("tcp: addresses are known once connected", async () => {
  await using server = await listen(() => {});
  const guest = createSocketGuest(["127.0.0.1"]);
  const unconnected = guest.createTcpSocket("ipv4");
  expect(codeOf(() => unconnected.localAddress())).toBe("invalid-state");
  expect(codeOf(() => unconnected.remoteAddress())).toBe("invalid-state");
  const [socket] = await connectTo(guest, server.port);
  expect(socket.remoteAddress()).toEqual({ tag: "ipv4", val: { port: server.port, address: [127, 0, 0, 1] } });
  expect(socket.localAddress()).toEqual({
    tag: "ipv4",
    val: { port: (await server.connection).remotePort, address: [127, 0, 0, 1] },
  });
  expect(socket.addressFamily()).toBe("ipv4");
});

test("tcp: an address that is not allowed is access-denied, and nothing is connected", async () => {
  const connected = vi.fn<() => void>();
  await using server = await listen(connected);
  const onDenied = vi.fn<(denial: object) => void>();
  const guest = createSocketGuest(["*", `127.0.0.1:${server.port + 1}`], { onDenied });
  const socket = guest.createTcpSocket("ipv4");
  const start = (): void => socket.startConnect(guest.network, at("127.0.0.1", server.port));
  expect(codeOf(start)).toBe("access-denied");
  expect(onDenied).toHaveBeenCalledExactlyOnceWith({ host: "127.0.0.1", port: server.port });
  expect(connected).not.toHaveBeenCalled();
});

test("tcp: a port without a listener is connection-refused, and the socket is of no more use", async () => {
  const server = await listen(() => {});
  await server[Symbol.asyncDispose]();
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = guest.createTcpSocket("ipv4");
  const start = (): void => socket.startConnect(guest.network, at("127.0.0.1", server.port));
  start();
  expect(codeOf(() => socket.finishConnect())).toBe("would-block");
  expect(codeOf(start)).toBe("concurrency-conflict");
  await socket.subscribe().block();
  expect(codeOf(() => socket.finishConnect())).toBe("connection-refused");
  expect(codeOf(start)).toBe("invalid-state");
  expect(codeOf(() => socket.finishConnect())).toBe("not-in-progress");
});

test("tcp: a connection that is not made in time is timeout", async () => {
  let fire: (() => void) | undefined;
  const clock: Clock = {
    monotonicNs: () => 0n,
    wallNs: () => 0n,
    after: (_ms, callback) => ((fire = callback), () => {}),
  };
  await using server = await listen(() => {});
  const guest = createSocketGuest(["127.0.0.1"], { clock });
  const socket = guest.createTcpSocket("ipv4");
  socket.startConnect(guest.network, at("127.0.0.1", server.port));
  fire?.();
  expect(codeOf(() => socket.finishConnect())).toBe("timeout");
});

test.each([
  ["of the other family", at("::1", 80)],
  ["without a port", at("127.0.0.1", 0)],
  ["that is the wildcard", at("0.0.0.0", 80)],
])("tcp: a remote address %s is invalid-argument", (_what, address) => {
  const guest = createSocketGuest(["*"]);
  expect(codeOf(() => guest.createTcpSocket("ipv4").startConnect(guest.network, address))).toBe("invalid-argument");
});

test("tcp: an IPv4-mapped IPv6 address is invalid-argument", () => {
  const guest = createSocketGuest(["127.0.0.1"]);
  const address = {
    tag: "ipv6" as const,
    val: { port: 80, flowInfo: 0, scopeId: 0, address: [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1] as never },
  };
  expect(codeOf(() => guest.createTcpSocket("ipv6").startConnect(guest.network, address))).toBe("invalid-argument");
});

test("tcp: listening and binding to an address or port are access-denied", () => {
  const guest = createSocketGuest(["*", "127.0.0.1", "0.0.0.0"]);
  const socket = guest.createTcpSocket("ipv4");
  expect(codeOf(() => socket.startListen())).toBe("access-denied");
  expect(codeOf(() => socket.finishListen())).toBe("not-in-progress");
  expect(codeOf(() => socket.accept())).toBe("invalid-state");
  expect(socket.isListening()).toBe(false);
  expect(codeOf(() => socket.startBind(guest.network, at("127.0.0.1", 0)))).toBe("access-denied");
  expect(codeOf(() => socket.startBind(guest.network, at("0.0.0.0", 8080)))).toBe("access-denied");
});

test("tcp: a client that binds to the wildcard first connects as any other", async () => {
  await using server = await listen((socket) => void socket.end("hi"));
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = guest.createTcpSocket("ipv4");
  expect(codeOf(() => socket.finishBind())).toBe("not-in-progress");
  socket.startBind(guest.network, at("0.0.0.0", 0));
  socket.finishBind();
  expect(socket.localAddress()).toEqual(at("0.0.0.0", 0));
  expect(codeOf(() => socket.startBind(guest.network, at("0.0.0.0", 0)))).toBe("invalid-state");
  socket.startConnect(guest.network, at("127.0.0.1", server.port));
  const [input] = await finished(socket, () => socket.finishConnect());
  expect(await textOf(input)).toBe("hi");
});

test("tcp: options are kept, and zero is invalid-argument", async () => {
  await using server = await listen(() => {});
  const [socket] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  socket.setKeepAliveEnabled(true);
  socket.setKeepAliveIdleTime(5_000_000_000n);
  socket.setKeepAliveInterval(3n);
  socket.setKeepAliveCount(4);
  socket.setHopLimit(7);
  socket.setReceiveBufferSize(1000n);
  socket.setSendBufferSize(2000n);
  expect([
    socket.keepAliveEnabled(),
    socket.keepAliveIdleTime(),
    socket.keepAliveInterval(),
    socket.keepAliveCount(),
    socket.hopLimit(),
    socket.receiveBufferSize(),
    socket.sendBufferSize(),
  ]).toEqual([true, 5_000_000_000n, 3n, 4, 7, 1000n, 2000n]);
  for (const set of [
    () => socket.setKeepAliveIdleTime(0n),
    () => socket.setKeepAliveInterval(0n),
    () => socket.setKeepAliveCount(0),
    () => socket.setHopLimit(0),
    () => socket.setReceiveBufferSize(0n),
    () => socket.setSendBufferSize(0n),
    () => socket.setListenBacklogSize(0n),
  ]) {
    expect(codeOf(set)).toBe("invalid-argument");
  }
  expect(codeOf(() => socket.setListenBacklogSize(1n))).toBe("invalid-state");
});

test("tcp: a large answer arrives whole, read in pieces of any size", async () => {
  const total = 3 * 1024 * 1024;
  await using server = await listen((socket) => void socket.end(Buffer.alloc(total, 0x61)));
  const [, input] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  let received = 0;
  for (let size = 1n; received < total; size = (size * 7n) % 50_021n) {
    received += (await input.blockingRead(size)).length;
  }
  expect(received).toBe(total);
  await expect(input.blockingRead(1n)).rejects.toMatchObject({ payload: { tag: "closed" } });
});

test("tcp: a peer that reads nothing holds the guest back", async () => {
  await using server = await listen((socket) => void socket.pause());
  const [, , output] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  let written = 0;
  for (;;) {
    const room = output.checkWrite();
    if (room === 0n) {
      // Nothing moves any more once the kernel's buffers are full too.
      let turns = 0;
      while (turns < 200 && output.checkWrite() === 0n) {
        await new Promise((resolve) => void setImmediate(resolve));
        turns++;
      }
      if (turns === 200) break;
    } else {
      output.write(new Uint8Array(Number(room)));
      written += Number(room);
      expect(written).toBeLessThan(256 * 1024 * 1024);
    }
  }
  expect(output.subscribe().ready()).toBe(false);
});

test("tcp: a reset is the stream's failure, and network-error-code tells it", async () => {
  await using server = await listen((socket) => void socket.once("data", () => socket.resetAndDestroy()));
  const [, input, output] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  await output.blockingWriteAndFlush(bytes("x"));
  const failure = await input.blockingRead(1n).catch((error: unknown) => error);
  const { payload } = failure as WasiError<{ tag: string; val: IoError }>;
  expect(payload.tag).toBe("last-operation-failed");
  expect(networkErrorCode(payload.val)).toBe("connection-reset");
  expect(codeOf(() => output.checkWrite())).toMatchObject({ tag: "last-operation-failed" });
  expect(codeOf(() => output.checkWrite())).toEqual({ tag: "closed" });
  expect(networkErrorCode(new IoError("no reason"))).toBeUndefined();
});

test("tcp: a connection that ends before the guest asks for its streams still tells all", async () => {
  await using server = await listen((socket) => void socket.end("bye"));
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = guest.createTcpSocket("ipv4");
  socket.startConnect(guest.network, at("127.0.0.1", server.port));
  const peer = await server.connection;
  await new Promise((resolve) => peer.once("finish", resolve));
  await socket.subscribe().block();
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => void setImmediate(resolve));
  const [input] = socket.finishConnect();
  expect(await textOf(input)).toBe("bye");
});

test("tcp: a stream that outlives its socket ends", async () => {
  await using server = await listen(() => {});
  const [socket, input] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  const reading = input.blockingRead(1n);
  socket[Symbol.dispose]();
  await expect(reading).rejects.toMatchObject({ payload: { tag: "last-operation-failed" } });
});

test("tcp: shutting the receiving side ends the stream", async () => {
  await using server = await listen((socket) => void socket.write("more"));
  const [socket, input] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  expect(codeOf(() => createSocketGuest([]).createTcpSocket("ipv4").shutdown("both"))).toBe("invalid-state");
  socket.shutdown("receive");
  await expect(input.blockingRead(1n)).rejects.toMatchObject({ payload: { tag: "closed" } });
});

test("tcp: what was written before the drop arrives, then the connection ends", async () => {
  const { promise: received, resolve } = Promise.withResolvers<string>();
  await using server = await listen((socket) => {
    let text = "";
    socket.on("data", (data) => (text += data.toString())).on("end", () => resolve(text));
  });
  const [socket, input, output] = await connectTo(createSocketGuest(["127.0.0.1"]), server.port);
  output.checkWrite();
  output.write(bytes("last words"));
  output[Symbol.dispose]();
  input[Symbol.dispose]();
  socket[Symbol.dispose]();
  expect(await received).toBe("last words");
});

test("contract: closing the scope closes the connection and unwinds the guest", async () => {
  await using server = await listen(() => {});
  const guest = createSocketGuest(["127.0.0.1"]);
  const [, input] = await connectTo(guest, server.port);
  const peer = await server.connection;
  const closed = new Promise((resolve) => peer.resume().once("end", resolve).once("close", resolve));
  const reading = input.blockingRead(1n);
  guest.scope.close();
  await expect(reading).rejects.toThrow(HostClosedError);
  await closed;
});

test("contract: instances of a program share a number of connections, and one that ends makes room", async () => {
  await using server = await listen(() => {});
  const onConnectionLimit = vi.fn<() => void>();
  const guest = createSocketGuest(["127.0.0.1"], { maxConnections: 1, onConnectionLimit });
  const connectOne = (): TcpSocket => {
    const socket = guest.createTcpSocket("ipv4");
    socket.startConnect(guest.network, at("127.0.0.1", server.port));
    return socket;
  };
  const first = connectOne();
  await finished(first, () => first.finishConnect());
  expect(codeOf(connectOne)).toBe("new-socket-limit");
  expect(codeOf(() => guest.createUdpSocket("ipv4").startBind(guest.network, at("0.0.0.0", 0)))).toBe(
    "new-socket-limit",
  );
  expect(onConnectionLimit).toHaveBeenCalledTimes(2);
  first[Symbol.dispose]();
  while (codeOf(connectOne) === "new-socket-limit") await nextTurn();
});

test("tcp: a scope that is full gives no socket", () => {
  const guest = createSocketGuest(["127.0.0.1"]);
  while (guest.scope.hasRoom) guest.scope.defer(() => {});
  expect(codeOf(() => guest.createTcpSocket("ipv4"))).toBe("new-socket-limit");
  expect(codeOf(() => guest.createUdpSocket("ipv4"))).toBe("new-socket-limit");
});
