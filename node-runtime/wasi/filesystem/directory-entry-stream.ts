import { opendirSync, type Dir, type Dirent, type OpenDirOptions } from "node:fs";
import type { Scope } from "../scope.ts";
import { attempt } from "./error-code.ts";
import { decodeHostName } from "./guest-path.ts";
import { typeOf } from "./metadata.ts";
import type { HeldFd } from "./held-fd.ts";
import { pathOfFd } from "./proc-fd.ts";
import type { DirectoryEntry } from "./types.ts";

/** Names as bytes, so that one which is not Unicode is told from others. Node's types know text encodings only. */
const BYTES_OPTIONS = { encoding: "buffer" } as unknown as OpenDirOptions;

/** `wasi:filesystem/types` resource `directory-entry-stream`: reads the host's directory as it is asked. */
export class DirectoryEntryStream {
  readonly #dir: Dir;
  readonly #directory: HeldFd;
  readonly #forget: () => void;
  #open = true;

  /** Starts at the first entry of `directory`, and stays a user of it: Node may look entries up through its path. */
  constructor(scope: Scope, directory: HeldFd) {
    this.#dir = attempt(() => opendirSync(pathOfFd(directory.fd), BYTES_OPTIONS));
    this.#directory = directory.retain();
    this.#forget = scope.defer(() => this.#close());
  }

  /**
   * Returns the next entry, `.` and `..` left out; undefined after the last. An entry whose name is not Unicode throws
   * `illegal-byte-sequence`, and the next call goes on behind it.
   */
  readDirectoryEntry(): DirectoryEntry | undefined {
    if (!this.#open) return undefined;
    const entry = attempt(() => this.#dir.readSync() as unknown as Dirent<Buffer> | null);
    return entry === null ? undefined : { type: typeOf(entry), name: decodeHostName(entry.name) };
  }

  /** Drop: closes the host's directory. */
  [Symbol.dispose](): void {
    this.#forget();
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#dir.closeSync();
    this.#directory.release();
  }
}
