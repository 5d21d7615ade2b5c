import type { IpAddressFamily, IpSocketAddress } from "../../sockets/ip-address.ts";
import { Network } from "../../sockets/network.ts";
import type { UdpSocket as UdpSocket2 } from "../../sockets/udp.ts";
import type { IncomingDatagramStream, OutgoingDatagramStream } from "../../sockets/udp-streams.ts";
import { converting, convertingAsync } from "../result.ts";
import { errorCodeOf, socketError } from "./error-code.ts";

const NETWORK = new Network();

/** `wasi:sockets/types` resource `udp-socket` of WASI 0.3, over the one of WASI 0.2: asking and being answered. */
export class UdpSocket {
  readonly #p2: UdpSocket2;
  #isBinding = false;
  #remote: IpSocketAddress | undefined;
  #streams: [IncomingDatagramStream, OutgoingDatagramStream] | undefined;

  constructor(p2: UdpSocket2) {
    this.#p2 = p2;
  }

  bind(local: IpSocketAddress): void {
    at(() => this.#p2.startBind(NETWORK, local));
    this.#isBinding = true;
  }

  /** Sets the one remote address that the socket talks to. */
  connect(remote: IpSocketAddress): void {
    this.#remote = remote;
    this.#streams = undefined;
  }

  disconnect(): void {
    if (this.#remote === undefined) throw socketError("invalid-state");
    this.#remote = undefined;
    this.#streams = undefined;
  }

  /** Sends one datagram, waiting while too many are on their way. */
  send(data: Uint8Array, remoteAddress: IpSocketAddress | undefined): Promise<void> {
    const bytes = data.slice();
    return convertingAsync(errorCodeOf, async () => {
      const [, outgoing] = await this.#open();
      while (outgoing.checkSend() === 0n) await outgoing.subscribe().block();
      outgoing.send([{ data: bytes, remoteAddress }]);
    });
  }

  /** Resolves to the next datagram from an address that was sent to. */
  receive(): Promise<[Uint8Array, IpSocketAddress]> {
    return convertingAsync(errorCodeOf, async () => {
      const [incoming] = await this.#open();
      for (;;) {
        const [datagram] = incoming.receive(1n);
        if (datagram !== undefined) return [datagram.data, datagram.remoteAddress];
        await incoming.subscribe().block();
      }
    });
  }

  getLocalAddress(): IpSocketAddress {
    return at(() => this.#p2.localAddress());
  }

  getRemoteAddress(): IpSocketAddress {
    if (this.#remote === undefined) throw socketError("invalid-state");
    return this.#remote;
  }

  getAddressFamily(): IpAddressFamily {
    return this.#p2.addressFamily();
  }

  getUnicastHopLimit(): number {
    return this.#p2.unicastHopLimit();
  }

  setUnicastHopLimit(value: number): void {
    at(() => this.#p2.setUnicastHopLimit(value));
  }

  getReceiveBufferSize(): bigint {
    return this.#p2.receiveBufferSize();
  }

  setReceiveBufferSize(value: bigint): void {
    at(() => this.#p2.setReceiveBufferSize(value));
  }

  getSendBufferSize(): bigint {
    return this.#p2.sendBufferSize();
  }

  setSendBufferSize(value: bigint): void {
    at(() => this.#p2.setSendBufferSize(value));
  }

  /** Drop: the port is free again. */
  [Symbol.dispose](): void {
    this.#p2[Symbol.dispose]();
  }

  /** Returns the streams, after binding to a port that the kernel chooses where the guest has not bound the socket. */
  async #open(): Promise<[IncomingDatagramStream, OutgoingDatagramStream]> {
    if (this.#streams !== undefined) return this.#streams;
    if (!this.#isBinding) this.bind(anyAddress(this.#p2.addressFamily()));
    await this.#p2.subscribe().block();
    if (!this.#isBound()) this.#p2.finishBind();
    return (this.#streams ??= this.#p2.stream(this.#remote));
  }

  #isBound(): boolean {
    try {
      this.#p2.localAddress();
      return true;
    } catch {
      return false;
    }
  }
}

function anyAddress(family: IpAddressFamily): IpSocketAddress {
  return family === "ipv4"
    ? { tag: "ipv4", val: { port: 0, address: [0, 0, 0, 0] } }
    : { tag: "ipv6", val: { port: 0, flowInfo: 0, address: [0, 0, 0, 0, 0, 0, 0, 0], scopeId: 0 } };
}

function at<T>(operation: () => T): T {
  return converting(errorCodeOf, operation);
}
