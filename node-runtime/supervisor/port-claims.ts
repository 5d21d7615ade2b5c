import { createServer, type Server } from "node:net";
import { systemCodeOf } from "../../common/errors.ts";

/** Says which ports are a runtime's, so that no other takes them as well. */
export interface PortClaims {
  /** Returns whether the port is this runtime's from now on; false when it is another's. */
  claim(port: number): Promise<boolean>;
  release(port: number): void;
}

/** Claims nothing: where the system refuses a second listener itself, and where two runtimes are to share ports. */
export const NO_CLAIMS: PortClaims = { claim: () => Promise.resolve(true), release: () => {} };

/**
 * Claims between the runtimes of one user on one network namespace. Cells share their ports (reusePort), so the kernel lets
 * two runtimes have the same one, each with half of the requests, when both found it free in the same moment. A claim is an
 * abstract unix socket, of which each name is there once; the kernel removes it with the process, whatever ends it. The
 * address does not matter: a runtime may have a port on all addresses.
 */
class SocketClaims implements PortClaims {
  readonly #claimed = new Map<number, Server>();

  async claim(port: number): Promise<boolean> {
    if (this.#claimed.has(port)) return true;
    const server = createServer((socket) => socket.destroy());
    try {
      await listen(server, nameOf(port));
    } catch (thrown) {
      if (systemCodeOf(thrown) === "EADDRINUSE") return false;
      throw thrown;
    }
    this.#claimed.set(port, server.unref());
    return true;
  }

  release(port: number): void {
    this.#claimed.get(port)?.close();
    this.#claimed.delete(port);
  }
}

/** Returns the claims that this system needs. */
export function systemClaims(): PortClaims {
  return process.platform === "linux" ? new SocketClaims() : NO_CLAIMS;
}

function nameOf(port: number): string {
  return `\0wasmlet-port-${process.getuid?.() ?? 0}-${port}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => resolve());
  });
}
