/**
 * `wasi:sockets/udp`, for asking and being answered: a socket is bound to a port that the kernel chooses, sends only where
 * the allow-list lets it, and receives only from those it has sent to. Binding to a given address or port is
 * `access-denied`: guests get traffic through their trigger.
 * https://github.com/WebAssembly/wasi-sockets/blob/main/UdpSocketOperationalSemantics.md
 */
import { createSocket, type Socket } from "node:dgram";
import { Notifier } from "../io/notifier.ts";
import { Pollable } from "../io/pollable.ts";
import {
  endpointOf,
  ipSocketAddressOf,
  isUnspecified,
  remoteEndpointOf,
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
import { positive } from "./tcp-options.ts";
import { DatagramChannel, IncomingDatagramStream, OutgoingDatagramStream } from "./udp-streams.ts";

type State =
  | { kind: "unbound" | "closed" }
  | { kind: "binding"; socket: Socket; outcome?: "bound" | NetworkErrorCode }
  | { kind: "bound"; socket: Socket };

/** `wasi:sockets/udp` resource `udp-socket`. */
export class UdpSocket {
  readonly #context: SocketContext;
  readonly #family: IpAddressFamily;
  readonly #changed = new Notifier();
  #state: State = { kind: "unbound" };
  #channel: DatagramChannel | undefined;
  #remote: IpSocketAddress | undefined;
  #hopLimit = 64;
  #receiveBufferBytes = 64n * 1024n;
  #sendBufferBytes = 64n * 1024n;

  constructor(context: SocketContext, family: IpAddressFamily) {
    this.#context = context;
    this.#family = family;
  }

  startBind(_network: Network, local: IpSocketAddress): void {
    const endpoint = endpointOf(local, this.#family);
    if (this.#state.kind === "binding") throw networkError("concurrency-conflict");
    if (this.#state.kind !== "unbound") throw networkError("invalid-state");
    if (!isUnspecified(endpoint) || endpoint.port !== 0) throw networkError("access-denied");
    if (!this.#context.scope.hasRoom) throw networkError("new-socket-limit");
    this.#bind(endpoint.address);
  }

  /** Completes the binding; throws `would-block` until the kernel has chosen a port. */
  finishBind(): void {
    const state = this.#state;
    if (state.kind !== "binding") throw networkError("not-in-progress");
    if (state.outcome === undefined) throw networkError("would-block");
    if (state.outcome !== "bound") {
      this.#state = { kind: "closed" };
      throw networkError(state.outcome);
    }
    state.socket.setTTL(this.#hopLimit);
    this.#state = { kind: "bound", socket: state.socket };
  }

  /** Returns the socket's streams, for one remote address or for any; streams returned before stop working. */
  stream(remote: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    const socket = this.#boundSocket();
    const peer = remote === undefined ? undefined : remoteEndpointOf(remote, this.#family);
    const { scope, reachable } = this.#context;
    try {
      if (peer !== undefined) reachable.check(peer.address, peer.port);
    } catch (error) {
      throw networkError(networkErrorCodeOf(error));
    }
    this.#channel?.close();
    this.#remote = remote;
    this.#channel = new DatagramChannel(socket, this.#family, reachable, peer);
    return [new IncomingDatagramStream(scope, this.#channel), new OutgoingDatagramStream(scope, this.#channel)];
  }

  localAddress(): IpSocketAddress {
    return ipSocketAddressOf(this.#boundSocket().address());
  }

  remoteAddress(): IpSocketAddress {
    if (this.#remote === undefined) throw networkError("invalid-state");
    return this.#remote;
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  unicastHopLimit(): number {
    return this.#hopLimit;
  }

  setUnicastHopLimit(value: number): void {
    this.#hopLimit = positive(value);
    if (this.#state.kind === "bound") this.#state.socket.setTTL(value);
  }

  receiveBufferSize(): bigint {
    return this.#receiveBufferBytes;
  }

  setReceiveBufferSize(value: bigint): void {
    this.#receiveBufferBytes = positive(value);
  }

  sendBufferSize(): bigint {
    return this.#sendBufferBytes;
  }

  setSendBufferSize(value: bigint): void {
    this.#sendBufferBytes = positive(value);
  }

  /** A pollable that is ready unless a binding is under way. */
  subscribe(): Pollable {
    return new Pollable(this.#context.scope, {
      ready: () => this.#state.kind !== "binding" || this.#state.outcome !== undefined,
      subscribe: (wake) => this.#changed.subscribe(wake),
    });
  }

  /** Drop: the port is free again. */
  [Symbol.dispose](): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#channel?.close();
    if (state.kind === "binding" || state.kind === "bound") closeOnce(state.socket);
  }

  #bind(address: string): void {
    const closed = this.#openConnection();
    const socket = createSocket({
      type: this.#family === "ipv4" ? "udp4" : "udp6",
      ipv6Only: this.#family === "ipv6",
      // Addresses are all that is ever passed: nothing is to be looked up.
      lookup: (host, _options, done) => done(null, host, this.#family === "ipv4" ? 4 : 6),
    });
    const state: State & { kind: "binding" } = { kind: "binding", socket };
    this.#state = state;
    socket.once(
      "close",
      this.#context.scope.defer(() => closeOnce(socket)),
    );
    socket.once("close", closed);
    const settle = (outcome: "bound" | NetworkErrorCode): void => {
      state.outcome ??= outcome;
      this.#changed.notify();
    };
    socket.once("listening", () => settle("bound"));
    // Later errors belong to single datagrams, which UDP may lose.
    socket.on("error", (error) => settle(networkErrorCodeOf(error)));
    socket.bind({ address, port: 0, exclusive: true });
  }

  #openConnection(): () => void {
    try {
      return this.#context.reachable.openConnection();
    } catch (error) {
      throw networkError(networkErrorCodeOf(error));
    }
  }

  #boundSocket(): Socket {
    if (this.#state.kind !== "bound") throw networkError("invalid-state");
    return this.#state.socket;
  }
}

/** Node.js throws when a socket is closed twice, which a drop after the scope's end does. */
function closeOnce(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed already.
  }
}
