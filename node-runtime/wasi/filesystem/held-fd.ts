import { closeQuietly } from "./proc-fd.ts";

/**
 * A host descriptor with a count of its users. An operation under way in a thread of libuv's pool is a user too: were
 * the number closed and given to another file before the operation starts, it would hit that file.
 */
export class HeldFd {
  readonly fd: number;
  #users = 1;

  /** Takes over `fd` for one user. */
  constructor(fd: number) {
    this.fd = fd;
  }

  get isOpen(): boolean {
    return this.#users > 0;
  }

  /** Counts one more user, who must `release`. */
  retain(): this {
    this.#users += 1;
    return this;
  }

  /** Counts one user less; the last one closes the descriptor. */
  release(): void {
    this.#users -= 1;
    if (this.#users === 0) closeQuietly(this.fd);
  }

  /** Runs an asynchronous `operation` as a user of its own. */
  async use<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    this.retain();
    try {
      return await operation(this.fd);
    } finally {
      this.release();
    }
  }
}
