import type { Descriptor } from "../filesystem/descriptor.ts";
import type { DirectoryEntryStream } from "../filesystem/directory-entry-stream.ts";
import type { DirectoryEntry } from "../filesystem/types.ts";
import { ERRNO, errnoOf } from "./errno.ts";
import { encodeDirent } from "./layout.ts";

/** The entries that a directory has before those of the host's list. */
const OWN_NAMES = [".", ".."] as const;

/**
 * A directory as `fd_readdir` sees it: a list in which a cookie is an index. The host's list only goes forward, and a
 * guest goes back to entries that its buffer cut off, so those from the last call's cookie on are kept; going further
 * back reads the directory anew.
 *
 *     cookie   0    1    2 …  #first      #next
 *              .    ..   a    b    c      d          kept: b, c
 */
export class DirectoryListing {
  readonly #descriptor: Descriptor;
  #stream: DirectoryEntryStream | undefined;
  #kept: Uint8Array[] = [];
  #first = 0n;
  #next = 0n;

  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** The cookie of the first entry that was not read from the host yet. */
  get next(): bigint {
    return this.#next;
  }

  /** Goes to `cookie`, before which nothing will be asked for: forgets entries before it, or starts anew. */
  seek(cookie: bigint): void {
    if (cookie === 0n || cookie < this.#first) this.#rewind();
    const end = cookie < this.#next ? cookie : this.#next;
    this.#kept.splice(0, Number(end - this.#first));
    this.#first = end;
  }

  /** Passes over the entry at `next`; false at the end. Only while nothing is kept. */
  skip(): boolean {
    if (this.#read() === undefined) return false;
    this.#first = this.#next;
    return true;
  }

  /** Returns the encoded entry at `cookie`, which is at most `next`; undefined at the end. */
  at(cookie: bigint): Uint8Array | undefined {
    const kept = this.#kept[Number(cookie - this.#first)];
    if (kept !== undefined) return kept;
    const entry = this.#read();
    if (entry === undefined) return undefined;
    const encoded = encodeDirent({ ...entry, ino: this.#inodeOf(entry.name) }, this.#next);
    this.#kept.push(encoded);
    return encoded;
  }

  [Symbol.dispose](): void {
    this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
  }

  #rewind(): void {
    this[Symbol.dispose]();
    this.#kept = [];
    this.#first = 0n;
    this.#next = 0n;
  }

  #read(): DirectoryEntry | undefined {
    const own = OWN_NAMES[Number(this.#next)];
    const entry = own === undefined ? this.#readHost() : ({ type: "directory", name: own } as const);
    if (entry !== undefined) this.#next += 1n;
    return entry;
  }

  /** The host's next entry. A name that is not Unicode cannot be told or asked for: such an entry does not exist here. */
  #readHost(): DirectoryEntry | undefined {
    this.#stream ??= this.#descriptor.readDirectory();
    for (;;) {
      try {
        return this.#stream.readDirectoryEntry();
      } catch (thrown) {
        if (errnoOf(thrown) !== ERRNO.ILSEQ) throw thrown;
      }
    }
  }

  /** The entry's `ino`, as `path_filestat_get` gives it; 0 for one that vanished meanwhile. */
  #inodeOf(name: string): bigint {
    try {
      // What is above a directory is not the guest's to know.
      if (name === "." || name === "..") return this.#descriptor.metadataHash().lower;
      return this.#descriptor.metadataHashAt({}, name).lower;
    } catch (thrown) {
      errnoOf(thrown);
      return 0n;
    }
  }
}
