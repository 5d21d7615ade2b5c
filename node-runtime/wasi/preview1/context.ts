import { HostClosedError } from "../errors.ts";
import { FdTable } from "./fd-table.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { Preview1Host } from "./host-parts.ts";

/** A preview 1 function before its result becomes an errno: it takes wasm values, and completes or throws. */
export type Body = (...args: never[]) => void | Promise<void>;

/** What the functions of one instance share. */
export class Context {
  readonly host: Preview1Host;
  readonly memory: GuestMemory;
  #fds: FdTable | undefined;

  constructor(host: Preview1Host, memory: GuestMemory) {
    this.host = host;
    this.memory = memory;
  }

  /** The open descriptors: standard streams, preopens, and what the guest opened. Made when first asked for. */
  get fds(): FdTable {
    this.#fds ??= new FdTable(this.host);
    return this.#fds;
  }

  /**
   * Returns what `pending` resolves to. Rejects when the host closed meanwhile: the guest's memory may serve another
   * instance then, and nothing may be written to it any more.
   */
  async resume<T>(pending: Promise<T>): Promise<T> {
    const value = await pending;
    if (this.host.scope.closed) throw new HostClosedError("the host was closed");
    return value;
  }

  /**
   * Lets the neighbours run and input arrive: awaited before an answer to a guest that may ask again at once, and
   * between the parts of long work.
   */
  async yieldTurn(): Promise<void> {
    await this.resume(
      this.host.scope.wait((wake) => {
        const turn = setImmediate(wake);
        return () => clearImmediate(turn);
      }),
    );
  }
}
