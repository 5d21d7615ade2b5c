/**
 * `wasi:sockets/tcp`, outgoing connections only.
 *
 *   unbound ──start-connect──▶ connecting ──finish-connect──▶ connected
 *                                  └── failed ──▶ closed
 *
 * Guests get traffic through their trigger, so `start-listen`, and `start-bind` to anything but the wildcard address
 * with port 0 (which means nothing for a client), are `access-denied`.
 * https://github.com/WebAssembly/wasi-sockets/blob/main/TcpSocketOperationalSemantics.md
 */
import { connect, type Socket } from "node:net";
import { InputStream } from "../io/input-stream.ts";
import { Notifier } from "../io/notifier.ts";
import { OutputStream } from "../io/output-stream.ts";
import { Pollable } from "../io/pollable.ts";
import {
  endpointOf,
  ipSocketAddressOf,
  isUnspecified,
  remoteEndpointOf,
  type Endpoint,
  type IpAddressFamily,
  type IpSocketAddress,
} from "./ip-address.ts";
import {
  networkError,
  networkErrorCodeOf,
  type Network,
  type NetworkErrorCode,
  type SocketContext,
} from "./network.ts";
import { ReadableSource } from "./readable-source.ts";
import { SocketSink } from "./socket-sink.ts";
import { positive, TcpOptions } from "./tcp-options.ts";

/** How long a connection may take to be made. */
const CONNECT_TIMEOUT_MS = 60_000;

interface Streams {
  source: ReadableSource;
  sink: SocketSink;
}

/** What the socket is doing. */
type State =
  | { kind: "unbound" | "binding" | "bound" }
  | { kind: "connecting"; socket: Socket; outcome?: Streams | NetworkErrorCode }
  | { kind: "connected"; socket: Socket; streams: Streams }
  | { kind: "closed" };

/** `wasi:sockets/tcp` resource `tcp-socket`. */
export class TcpSocket {
  readonly #context: SocketContext;
  readonly #family: IpAddressFamily;
  readonly #options = new TcpOptions();
  readonly #changed = new Notifier();
  #state: State = { kind: "unbound" };

  constructor(context: SocketContext, family: IpAddressFamily) {
    this.#context = context;
    this.#family = family;
  }

  startBind(_network: Network, local: IpSocketAddress): void {
    const endpoint = endpointOf(local, this.#family);
    if (this.#state.kind !== "unbound") throw networkError("invalid-state");
    if (!isUnspecified(endpoint) || endpoint.port !== 0) throw networkError("access-denied");
    this.#state = { kind: "binding" };
  }

  finishBind(): void {
    if (this.#state.kind !== "binding") throw networkError("not-in-progress");
    this.#state = { kind: "bound" };
  }

  startConnect(_network: Network, remote: IpSocketAddress): void {
    const { kind } = this.#state;
    if (kind === "binding" || kind === "connecting") throw networkError("concurrency-conflict");
    if (kind !== "unbound" && kind !== "bound") throw networkError("invalid-state");
    const endpoint = remoteEndpointOf(remote, this.#family);
    if (!this.#context.scope.hasRoom) throw networkError("new-socket-limit");
    this.#connect(endpoint);
  }

  /** Returns the connection's streams; throws `would-block` until it is made, or why it could not be. */
  finishConnect(): [InputStream, OutputStream] {
    const state = this.#state;
    if (state.kind !== "connecting") throw networkError("not-in-progress");
    if (state.outcome === undefined) throw networkError("would-block");
    if (typeof state.outcome === "string") {
      this.#state = { kind: "closed" };
      throw networkError(state.outcome);
    }
    const { socket, outcome: streams } = state;
    const { scope } = this.#context;
    const { source, sink } = streams;
    this.#options.applyTo(socket);
    this.#state = { kind: "connected", socket, streams };
    return [new InputStream(scope, source), new OutputStream(scope, sink)];
  }

  startListen(): void {
    throw networkError("access-denied");
  }

  finishListen(): void {
    throw networkError("not-in-progress");
  }

  accept(): [TcpSocket, InputStream, OutputStream] {
    throw networkError("invalid-state");
  }

  isListening(): boolean {
    return false;
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  localAddress(): IpSocketAddress {
    if (this.#state.kind === "bound") {
      return ipSocketAddressOf({ address: this.#family === "ipv4" ? "0.0.0.0" : "::", port: 0 });
    }
    const { localAddress, localPort } = this.#connectedSocket();
    return addressOrInvalid(localAddress, localPort);
  }

  remoteAddress(): IpSocketAddress {
    const { remoteAddress, remotePort } = this.#connectedSocket();
    return addressOrInvalid(remoteAddress, remotePort);
  }

  /** Ends one direction or both: what was written still arrives. */
  shutdown(direction: "receive" | "send" | "both"): void {
    const state = this.#state;
    if (state.kind !== "connected") throw networkError("invalid-state");
    if (direction !== "send") state.streams.source.end();
    if (direction !== "receive") state.streams.sink.close();
  }

  /** A pollable that is ready unless an operation is under way. */
  subscribe(): Pollable {
    return new Pollable(this.#context.scope, {
      ready: () => this.#state.kind !== "connecting" || this.#state.outcome !== undefined,
      subscribe: (wake) => this.#changed.subscribe(wake),
    });
  }

  setListenBacklogSize(value: bigint): void {
    positive(value);
    if (this.#state.kind === "connecting" || this.#state.kind === "connected") throw networkError("invalid-state");
  }

  keepAliveEnabled(): boolean {
    return this.#options.keepAliveEnabled;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#setOption("keepAliveEnabled", value);
  }

  keepAliveIdleTime(): bigint {
    return this.#options.keepAliveIdleNs;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#setOption("keepAliveIdleNs", positive(value));
  }

  keepAliveInterval(): bigint {
    return this.#options.keepAliveIntervalNs;
  }

  setKeepAliveInterval(value: bigint): void {
    this.#setOption("keepAliveIntervalNs", positive(value));
  }

  keepAliveCount(): number {
    return this.#options.keepAliveCount;
  }

  setKeepAliveCount(value: number): void {
    this.#setOption("keepAliveCount", positive(value));
  }

  hopLimit(): number {
    return this.#options.hopLimit;
  }

  setHopLimit(value: number): void {
    this.#setOption("hopLimit", positive(value));
  }

  receiveBufferSize(): bigint {
    return this.#options.receiveBufferBytes;
  }

  setReceiveBufferSize(value: bigint): void {
    this.#setOption("receiveBufferBytes", positive(value));
  }

  sendBufferSize(): bigint {
    return this.#options.sendBufferBytes;
  }

  setSendBufferSize(value: bigint): void {
    this.#setOption("sendBufferBytes", positive(value));
  }

  /** Drop: what was written still leaves, then the connection closes. */
  [Symbol.dispose](): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "connecting") state.socket.destroy();
    if (state.kind === "connected") state.socket.destroySoon();
  }

  #connect({ address, port }: Endpoint): void {
    let socket: Socket;
    let closed: (() => void) | undefined;
    try {
      this.#context.reachable.check(address, port);
      closed = this.#context.reachable.openConnection();
      socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
      socket.once("close", closed);
    } catch (error) {
      closed?.();
      throw networkError(networkErrorCodeOf(error));
    }
    const state: State & { kind: "connecting" } = { kind: "connecting", socket };
    this.#state = state;
    socket.once(
      "close",
      this.#context.scope.defer(() => socket.destroy()),
    );
    const settle = (outcome: Streams | NetworkErrorCode): void => {
      state.outcome ??= outcome;
      this.#changed.notify();
    };
    const disarm = this.#context.clock.after(CONNECT_TIMEOUT_MS, () => {
      settle("timeout");
      socket.destroy();
    });
    // The streams listen from here on: the connection may end before the guest asks for them.
    socket.once("connect", () => (disarm(), settle(openStreams(socket))));
    socket.once("close", disarm);
    socket.on("error", (error) => settle(networkErrorCodeOf(error)));
  }

  #setOption<K extends Exclude<keyof TcpOptions, "applyTo">>(name: K, value: TcpOptions[K]): void {
    (this.#options as Pick<TcpOptions, K>)[name] = value;
    if (this.#state.kind === "connected") this.#options.applyTo(this.#state.socket);
  }

  #connectedSocket(): Socket {
    if (this.#state.kind !== "connected") throw networkError("invalid-state");
    return this.#state.socket;
  }
}

function openStreams(socket: Socket): Streams {
  const source = new ReadableSource(socket);
  // Without an end or an error before it, this side closed the connection.
  socket.once("close", () => source.fail(Object.assign(new Error("closed"), { code: "ECONNABORTED" })));
  return { source, sink: new SocketSink(socket) };
}

function addressOrInvalid(address: string | undefined, port: number | undefined): IpSocketAddress {
  if (address === undefined || port === undefined) throw networkError("invalid-state");
  return ipSocketAddressOf({ address, port });
}
