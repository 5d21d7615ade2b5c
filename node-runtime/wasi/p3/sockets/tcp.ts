import type { InputStream } from "../../io/input-stream.ts";
import type { OutputStream } from "../../io/output-stream.ts";
import type { IpAddressFamily, IpSocketAddress } from "../../sockets/ip-address.ts";
import { Network } from "../../sockets/network.ts";
import type { TcpSocket as TcpSocket2 } from "../../sockets/tcp.ts";
import { converting, convertingAsync, resultOf, type Result } from "../result.ts";
import { EMPTY_STREAM, pump, streamFrom, type GuestStream } from "../streams.ts";
import { errorCodeOf, errorCodeOfThrown, socketError, type ErrorCode } from "./error-code.ts";

const NETWORK = new Network();

type Outcome = Promise<Result<void, ErrorCode>>;

/** `wasi:sockets/types` resource `tcp-socket` of WASI 0.3, over the one of WASI 0.2: outgoing connections only. */
export class TcpSocket {
  readonly #p2: TcpSocket2;
  #input: InputStream | undefined;
  #output: OutputStream | undefined;

  constructor(p2: TcpSocket2) {
    this.#p2 = p2;
  }

  bind(local: IpSocketAddress): void {
    at(() => (this.#p2.startBind(NETWORK, local), this.#p2.finishBind()));
  }

  /** Resolves once connected; rejects with why not. */
  connect(remote: IpSocketAddress): Promise<void> {
    return convertingAsync(errorCodeOf, async () => {
      this.#p2.startConnect(NETWORK, remote);
      await this.#p2.subscribe().block();
      [this.#input, this.#output] = this.#p2.finishConnect();
    });
  }

  listen(): never {
    throw socketError("access-denied");
  }

  /** Sends what the guest writes, then closes this direction; at most once. */
  send(data: GuestStream): Outcome {
    const output = this.#output;
    this.#output = undefined;
    return resultOf(
      Promise.try(async () => {
        if (output === undefined) throw socketError("invalid-state");
        await pump(data, output, brokenPipe);
        this.#p2.shutdown("send");
      }),
      errorOfTransfer,
    );
  }

  /** Returns what the other side sends; at most once. */
  receive(): [AsyncIterable<Uint8Array>, Outcome] {
    const input = this.#input;
    this.#input = undefined;
    if (input === undefined) return [EMPTY_STREAM, Promise.resolve({ tag: "err", val: { tag: "invalid-state" } })];
    const { stream, ended } = streamFrom(input);
    return [stream, resultOf(ended, errorOfTransfer)];
  }

  getLocalAddress(): IpSocketAddress {
    return at(() => this.#p2.localAddress());
  }

  getRemoteAddress(): IpSocketAddress {
    return at(() => this.#p2.remoteAddress());
  }

  getIsListening(): boolean {
    return false;
  }

  getAddressFamily(): IpAddressFamily {
    return this.#p2.addressFamily();
  }

  setListenBacklogSize(value: bigint): void {
    at(() => this.#p2.setListenBacklogSize(value));
  }

  getKeepAliveEnabled(): boolean {
    return this.#p2.keepAliveEnabled();
  }

  setKeepAliveEnabled(value: boolean): void {
    at(() => this.#p2.setKeepAliveEnabled(value));
  }

  getKeepAliveIdleTime(): bigint {
    return this.#p2.keepAliveIdleTime();
  }

  setKeepAliveIdleTime(value: bigint): void {
    at(() => this.#p2.setKeepAliveIdleTime(value));
  }

  getKeepAliveInterval(): bigint {
    return this.#p2.keepAliveInterval();
  }

  setKeepAliveInterval(value: bigint): void {
    at(() => this.#p2.setKeepAliveInterval(value));
  }

  getKeepAliveCount(): number {
    return this.#p2.keepAliveCount();
  }

  setKeepAliveCount(value: number): void {
    at(() => this.#p2.setKeepAliveCount(value));
  }

  getHopLimit(): number {
    return this.#p2.hopLimit();
  }

  setHopLimit(value: number): void {
    at(() => this.#p2.setHopLimit(value));
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

  /** Drop: streams under way go on to their end. */
  [Symbol.dispose](): void {
    this.#input?.[Symbol.dispose]();
    this.#output?.[Symbol.dispose]();
    this.#p2[Symbol.dispose]();
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error("the connection is not writable any more"), { code: "EPIPE" });
}

function at<T>(operation: () => T): T {
  return converting(errorCodeOf, operation);
}

/** A failure is the code of WASI 0.3 already where this file threw it. */
function errorOfTransfer(thrown: unknown): ErrorCode {
  const payload = (thrown as { payload?: { tag?: unknown } } | null)?.payload;
  return typeof payload?.tag === "string" ? (payload as ErrorCode) : errorCodeOfThrown(thrown);
}
