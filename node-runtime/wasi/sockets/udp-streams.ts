import type { RemoteInfo, Socket } from "node:dgram";
import { Notifier } from "../io/notifier.ts";
import { Pollable } from "../io/pollable.ts";
import type { Scope } from "../scope.ts";
import {
  ipSocketAddressOf,
  remoteEndpointOf,
  type Endpoint,
  type IpAddressFamily,
  type IpSocketAddress,
} from "./ip-address.ts";
import { networkError, networkErrorCodeOf } from "./network.ts";
import type { Reachable } from "./reachable.ts";

/** Received datagrams that wait for the guest; more are lost, as UDP may. */
const MAX_QUEUED = 64;
/** Sent datagrams that wait for the kernel before the guest must. */
const MAX_IN_FLIGHT = 16;
/** Remote addresses that may answer; the oldest are forgotten first. */
const MAX_PEERS = 1024;
/** The most that one IP packet carries. */
const MAX_DATAGRAM_BYTES = 65507;

/** The WIT record `incoming-datagram`. */
export interface IncomingDatagram {
  data: Uint8Array;
  remoteAddress: IpSocketAddress;
}

/** The WIT record `outgoing-datagram`. */
export interface OutgoingDatagram {
  data: Uint8Array;
  remoteAddress?: IpSocketAddress | undefined;
}

/** One association of a bound socket: with one peer, or with all that it sends to. */
export class DatagramChannel {
  readonly changed = new Notifier();
  readonly received: IncomingDatagram[] = [];
  inFlight = 0;
  readonly #socket: Socket;
  readonly #family: IpAddressFamily;
  readonly #reachable: Reachable;
  readonly #peer: Endpoint | undefined;
  readonly #peers = new Set<string>();
  readonly #onMessage = (data: Uint8Array, from: RemoteInfo): void => this.#receive(data, from);

  constructor(socket: Socket, family: IpAddressFamily, reachable: Reachable, peer: Endpoint | undefined) {
    this.#socket = socket;
    this.#family = family;
    this.#reachable = reachable;
    this.#peer = peer;
    if (peer !== undefined) this.#peers.add(keyOf(peer));
    socket.on("message", this.#onMessage);
  }

  /** Hands one datagram to the kernel; throws the error half of `send` when it may not go. */
  send({ data, remoteAddress }: OutgoingDatagram): void {
    const to = this.#destinationOf(remoteAddress);
    if (data.length > MAX_DATAGRAM_BYTES) throw networkError("datagram-too-large");
    try {
      this.#reachable.check(to.address, to.port);
      this.inFlight += 1;
      // The engine may hand out a view of the guest's memory, which the guest overwrites next.
      this.#socket.send(data.slice(), to.port, to.address, () => this.#sent());
    } catch (error) {
      throw networkError(networkErrorCodeOf(error));
    }
    this.#addPeer(keyOf(to));
  }

  /** Receives no more. */
  close(): void {
    this.#socket.off("message", this.#onMessage);
  }

  #destinationOf(remote: IpSocketAddress | undefined): Endpoint {
    const to = remote === undefined ? this.#peer : remoteEndpointOf(remote, this.#family);
    const isOther = this.#peer !== undefined && to !== undefined && keyOf(to) !== keyOf(this.#peer);
    if (to === undefined || isOther) throw networkError("invalid-argument");
    return to;
  }

  #addPeer(key: string): void {
    this.#peers.delete(key);
    this.#peers.add(key);
    if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.values().next().value!);
  }

  #sent(): void {
    this.inFlight -= 1;
    this.changed.notify();
  }

  #receive(data: Uint8Array, from: RemoteInfo): void {
    if (this.received.length >= MAX_QUEUED || !this.#peers.has(keyOf(from))) return;
    this.received.push({ data, remoteAddress: ipSocketAddressOf(from) });
    this.changed.notify();
  }
}

/** `wasi:sockets/udp` resource `incoming-datagram-stream`. */
export class IncomingDatagramStream {
  readonly #scope: Scope;
  readonly #channel: DatagramChannel;

  constructor(scope: Scope, channel: DatagramChannel) {
    this.#scope = scope;
    this.#channel = channel;
  }

  /** Returns up to `maxResults` datagrams that are there now, maybe none. */
  receive(maxResults: bigint): IncomingDatagram[] {
    const max = maxResults < BigInt(MAX_QUEUED) ? Number(maxResults) : MAX_QUEUED;
    return this.#channel.received.splice(0, max);
  }

  /** A pollable that is ready when there is a datagram. */
  subscribe(): Pollable {
    const channel = this.#channel;
    return new Pollable(this.#scope, {
      ready: () => channel.received.length > 0,
      subscribe: (wake) => channel.changed.subscribe(wake),
    });
  }
}

/** `wasi:sockets/udp` resource `outgoing-datagram-stream`. */
export class OutgoingDatagramStream {
  readonly #scope: Scope;
  readonly #channel: DatagramChannel;
  #permit = 0;

  constructor(scope: Scope, channel: DatagramChannel) {
    this.#scope = scope;
    this.#channel = channel;
  }

  /** How many datagrams the next `send` may carry. */
  checkSend(): bigint {
    this.#permit = Math.max(0, MAX_IN_FLIGHT - this.#channel.inFlight);
    return BigInt(this.#permit);
  }

  /** Sends datagrams in order and returns how many went; throws when the first could not. More than permitted is a trap. */
  send(datagrams: readonly OutgoingDatagram[]): bigint {
    if (datagrams.length > this.#permit) throw new Error("send: more datagrams than check-send permitted");
    this.#permit = 0;
    for (const [count, datagram] of datagrams.entries()) {
      try {
        this.#channel.send(datagram);
      } catch (error) {
        if (count === 0) throw error;
        return BigInt(count);
      }
    }
    return BigInt(datagrams.length);
  }

  /** A pollable that is ready when `checkSend` would permit something. */
  subscribe(): Pollable {
    const channel = this.#channel;
    return new Pollable(this.#scope, {
      ready: () => channel.inFlight < MAX_IN_FLIGHT,
      subscribe: (wake) => channel.changed.subscribe(wake),
    });
  }
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
