import { createSocket, type Socket } from "node:dgram";
import { expect, test } from "vitest";
import { HostClosedError } from "../errors.ts";
import type { IpSocketAddress } from "./ip-address.ts";
import { at, codeOf, createSocketGuest, finished, type SocketGuest } from "./sockets-fixture.ts";
import type { IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream } from "./udp-streams.ts";
import type { UdpSocket } from "./udp.ts";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

interface Peer extends AsyncDisposable {
  socket: Socket;
  port: number;
}

/** A socket on 127.0.0.1 that answers each datagram with `prefix` and the datagram. */
async function answerer(prefix: string): Promise<Peer> {
  const socket = createSocket("udp4");
  socket.on("message", (data, from) => socket.send(`${prefix}${data.toString()}`, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    socket,
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(resolve)),
  };
}

async function bound(guest: SocketGuest): Promise<UdpSocket> {
  const socket = guest.createUdpSocket("ipv4");
  socket.startBind(guest.network, at("0.0.0.0", 0));
  await finished(socket, () => socket.finishBind());
  return socket;
}

async function streamsOf(
  guest: SocketGuest,
  remote?: IpSocketAddress,
): Promise<[IncomingDatagramStream, OutgoingDatagramStream]> {
  return (await bound(guest)).stream(remote);
}

async function receiveText(incoming: IncomingDatagramStream): Promise<string[]> {
  await incoming.subscribe().block();
  return incoming.receive(10n).map(({ data }) => Buffer.from(data).toString());
}

/** Sends as a guest does, with permission. */
function send(outgoing: OutgoingDatagramStream, ...datagrams: OutgoingDatagram[]): unknown {
  outgoing.checkSend();
  return codeOf(() => outgoing.send(datagrams));
}

test("udp: a question is answered, with the sender's address", async () => {
  await using peer = await answerer("re: ");
  const [incoming, outgoing] = await streamsOf(createSocketGuest(["127.0.0.1"]));
  const remoteAddress = at("127.0.0.1", peer.port);
  expect(incoming.receive(1n)).toEqual([]);
  expect(send(outgoing, { data: bytes("one"), remoteAddress })).toBe(1n);
  await incoming.subscribe().block();
  expect(incoming.receive(1n)).toEqual([{ data: Buffer.from("re: one"), remoteAddress }]);
});

test("udp: a connected socket sends to its peer alone", async () => {
  await using peer = await answerer("re: ");
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = await bound(guest);
  const remote = at("127.0.0.1", peer.port);
  expect(codeOf(() => socket.remoteAddress())).toBe("invalid-state");
  const [incoming, outgoing] = socket.stream(remote);
  expect(socket.remoteAddress()).toEqual(remote);
  expect(send(outgoing, { data: bytes("a") }, { data: bytes("b"), remoteAddress: remote })).toBe(2n);
  expect(send(outgoing, { data: bytes("c"), remoteAddress: at("127.0.0.1", 9) })).toBe("invalid-argument");
  const received = await receiveText(incoming);
  if (received.length === 1) received.push(...(await receiveText(incoming)));
  expect(received).toEqual(["re: a", "re: b"]);
});

test("udp: an unconnected socket needs a remote address", async () => {
  const [, outgoing] = await streamsOf(createSocketGuest(["127.0.0.1"]));
  expect(send(outgoing, { data: bytes("a") })).toBe("invalid-argument");
});

test("udp: what is not allowed is access-denied, and what was sent before it is counted", async () => {
  await using peer = await answerer("");
  const guest = createSocketGuest([`127.0.0.1:${peer.port}`]);
  const socket = await bound(guest);
  expect(codeOf(() => socket.stream(at("127.0.0.1", 9)))).toBe("access-denied");
  const [, outgoing] = socket.stream(undefined);
  const [fine, denied] = [peer.port, 9].map((port) => ({ data: bytes("x"), remoteAddress: at("127.0.0.1", port) }));
  expect(send(outgoing, denied!)).toBe("access-denied");
  expect(send(outgoing, fine!, denied!)).toBe(1n);
});

test("contract: a guest receives only from those it has sent to", async () => {
  await using known = await answerer("known ");
  await using stranger = await answerer("stranger ");
  const socket = await bound(createSocketGuest(["127.0.0.1"]));
  const [incoming, outgoing] = socket.stream(undefined);
  const { port } = socket.localAddress().val;
  await new Promise((resolve) => stranger.socket.send("unasked", port, "127.0.0.1", resolve));
  send(outgoing, { data: bytes("hi"), remoteAddress: at("127.0.0.1", known.port) });
  // The kernel keeps the order on one socket: the stranger's datagram came first.
  expect(await receiveText(incoming)).toEqual(["known hi"]);
});

test("udp: streams returned before stop working", async () => {
  await using peer = await answerer("re: ");
  const socket = await bound(createSocketGuest(["127.0.0.1"]));
  const remote = at("127.0.0.1", peer.port);
  const [old] = socket.stream(remote);
  const [incoming, outgoing] = socket.stream(remote);
  send(outgoing, { data: bytes("x") });
  expect(await receiveText(incoming)).toEqual(["re: x"]);
  expect(old.receive(10n)).toEqual([]);
});

test("udp: binding to an address or port is access-denied, other orders are invalid-state", async () => {
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = guest.createUdpSocket("ipv4");
  expect(codeOf(() => socket.startBind(guest.network, at("0.0.0.0", 53)))).toBe("access-denied");
  expect(codeOf(() => socket.startBind(guest.network, at("127.0.0.1", 0)))).toBe("access-denied");
  expect(codeOf(() => socket.startBind(guest.network, at("::", 0)))).toBe("invalid-argument");
  expect(codeOf(() => socket.stream(undefined))).toBe("invalid-state");
  expect(codeOf(() => socket.localAddress())).toBe("invalid-state");
  expect(codeOf(() => socket.finishBind())).toBe("not-in-progress");
  socket.startBind(guest.network, at("0.0.0.0", 0));
  expect(codeOf(() => socket.startBind(guest.network, at("0.0.0.0", 0)))).toBe("concurrency-conflict");
  await finished(socket, () => socket.finishBind());
  expect(codeOf(() => socket.startBind(guest.network, at("0.0.0.0", 0)))).toBe("invalid-state");
  expect(socket.localAddress()).toMatchObject({ tag: "ipv4", val: { address: [0, 0, 0, 0] } });
  expect(socket.localAddress().val.port).toBeGreaterThan(0);
});

test("udp: more datagrams than permitted are a trap, too large ones an error", async () => {
  const [, outgoing] = await streamsOf(createSocketGuest(["127.0.0.1"]));
  const datagram = { data: bytes("x"), remoteAddress: at("127.0.0.1", 9) };
  expect(() => outgoing.send([datagram])).toThrow(/more datagrams than check-send permitted/);
  const permit = Number(outgoing.checkSend());
  expect(permit).toBeGreaterThan(0);
  expect(() => outgoing.send(Array.from({ length: permit + 1 }, () => datagram))).toThrow(/more datagrams/);
  expect(send(outgoing, { ...datagram, data: new Uint8Array(65508) })).toBe("datagram-too-large");
});

test("udp: datagrams in flight use up the permission, until the kernel has them", async () => {
  const [, outgoing] = await streamsOf(createSocketGuest(["127.0.0.1"]));
  const datagram = { data: bytes("x"), remoteAddress: at("127.0.0.1", 9) };
  const permit = Number(outgoing.checkSend());
  expect(outgoing.send(Array.from({ length: permit }, () => datagram))).toBe(BigInt(permit));
  expect(outgoing.checkSend()).toBe(0n);
  await outgoing.subscribe().block();
  expect(outgoing.checkSend()).toBeGreaterThan(0n);
});

test("udp: a flood that the guest does not read is bounded", async () => {
  await using peer = await answerer("");
  const socket = await bound(createSocketGuest(["127.0.0.1"]));
  const [incoming] = socket.stream(at("127.0.0.1", peer.port));
  const { port } = socket.localAddress().val;
  for (let count = 0; count < 200; count++) {
    await new Promise((resolve) => peer.socket.send("x", port, "127.0.0.1", resolve));
  }
  await incoming.subscribe().block();
  for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => void setImmediate(resolve));
  expect(incoming.receive(1000n)).toHaveLength(64);
});

test("udp: options are kept, and zero is invalid-argument", async () => {
  const socket = await bound(createSocketGuest([]));
  socket.setUnicastHopLimit(7);
  socket.setReceiveBufferSize(1000n);
  socket.setSendBufferSize(2000n);
  expect([socket.unicastHopLimit(), socket.receiveBufferSize(), socket.sendBufferSize()]).toEqual([7, 1000n, 2000n]);
  expect(codeOf(() => socket.setUnicastHopLimit(0))).toBe("invalid-argument");
  expect(codeOf(() => socket.setReceiveBufferSize(0n))).toBe("invalid-argument");
  expect(codeOf(() => socket.setSendBufferSize(0n))).toBe("invalid-argument");
});

test("contract: closing the scope frees the port and unwinds the guest", async () => {
  const guest = createSocketGuest(["127.0.0.1"]);
  const socket = await bound(guest);
  const { port } = socket.localAddress().val;
  const [incoming] = socket.stream(undefined);
  const waiting = incoming.subscribe().block();
  guest.scope.close();
  await expect(waiting).rejects.toThrow(HostClosedError);
  const other = createSocket("udp4");
  await new Promise<void>((resolve, reject) => other.once("error", reject).bind(port, "0.0.0.0", resolve));
  other.close();
  expect(() => socket[Symbol.dispose]()).not.toThrow();
});
