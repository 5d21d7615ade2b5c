import type { Descriptor } from "../filesystem/descriptor.ts";
import type { InputStream } from "../io/input-stream.ts";
import type { OutputStream } from "../io/output-stream.ts";
import { hostFunction, type Preview1Host } from "./host-parts.ts";
import type { DirectoryListing } from "./directory-listing.ts";
import { ERRNO, ErrnoError, type Errno } from "./errno.ts";

/** Descriptors that one guest may have open. */
const MAX_FDS = 1024;

/** An open regular file. The host's descriptors have no position: it is kept here. */
export interface OpenFile {
  kind: "file";
  descriptor: Descriptor;
  position: bigint;
  append: boolean;
  nonblock: boolean;
  /** Where appended bytes go, from the first of them on. */
  appender?: OutputStream | undefined;
}

/** An open directory. */
export interface OpenDirectory {
  kind: "directory";
  descriptor: Descriptor;
  /** The guest path of a preopen. */
  preopenPath?: string;
  /** Where `fd_readdir` is, from its first call on. */
  listing?: DirectoryListing | undefined;
}

/** Standard input. */
export interface OpenInput {
  kind: "input";
  stream: InputStream;
  terminal: boolean;
  nonblock: boolean;
}

/** Standard output or error. */
export interface OpenOutput {
  kind: "output";
  stream: OutputStream;
  terminal: boolean;
  nonblock: boolean;
}

/** What a file descriptor number stands for. */
export type OpenEntry = OpenFile | OpenDirectory | OpenInput | OpenOutput;

/** A guest's file descriptors: 0 to 2 are the standard streams, preopens follow, new ones get the lowest free number. */
export class FdTable {
  readonly #entries: Array<OpenEntry | undefined>;

  constructor(host: Preview1Host) {
    this.#entries = [...openStandardStreams(host), ...openPreopens(host)];
  }

  /** Returns what `fd` stands for, else fails with `badf`. */
  get(fd: number): OpenEntry {
    const entry = this.#entries[fd >>> 0];
    if (entry === undefined) throw new ErrnoError(ERRNO.BADF);
    return entry;
  }

  /** Returns the regular file `fd`; fails with `isdir` for a directory, `spipe` for a stream. */
  file(fd: number): OpenFile {
    const entry = this.get(fd);
    if (entry.kind === "file") return entry;
    throw new ErrnoError(entry.kind === "directory" ? ERRNO.ISDIR : ERRNO.SPIPE);
  }

  /** Returns the directory `fd`; fails with `notdir` for anything else. */
  directory(fd: number): OpenDirectory {
    const entry = this.get(fd);
    if (entry.kind !== "directory") throw new ErrnoError(ERRNO.NOTDIR);
    return entry;
  }

  /** Returns the descriptor of the file or directory `fd`; fails with `otherwise` for a stream. */
  descriptor(fd: number, otherwise: Errno): Descriptor {
    const entry = this.get(fd);
    if (entry.kind === "file" || entry.kind === "directory") return entry.descriptor;
    throw new ErrnoError(otherwise);
  }

  /** Gives `entry` the lowest free number; fails with `mfile` when there is none, and closes the entry then. */
  add(entry: OpenEntry): number {
    const hole = this.#entries.indexOf(undefined);
    const fd = hole === -1 ? this.#entries.length : hole;
    if (fd >= MAX_FDS) {
      closeEntry(entry);
      throw new ErrnoError(ERRNO.MFILE);
    }
    this.#entries[fd] = entry;
    return fd;
  }

  /** Closes `fd`, which becomes free. */
  close(fd: number): void {
    closeEntry(this.get(fd));
    this.#entries[fd >>> 0] = undefined;
  }

  /** Moves `from` to the number `to`, closing what `to` was; both must be open. */
  renumber(from: number, to: number): void {
    const entry = this.get(from);
    const replaced = this.get(to);
    if (entry === replaced) return;
    closeEntry(replaced);
    this.#entries[to >>> 0] = entry;
    this.#entries[from >>> 0] = undefined;
  }
}

function closeEntry(entry: OpenEntry): void {
  switch (entry.kind) {
    case "file":
      entry.appender?.[Symbol.dispose]();
      return entry.descriptor[Symbol.dispose]();
    case "directory":
      entry.listing?.[Symbol.dispose]();
      return entry.descriptor[Symbol.dispose]();
    default:
      return entry.stream[Symbol.dispose]();
  }
}

function openStandardStreams(host: Preview1Host): OpenEntry[] {
  const { stdin = false, stdout = false, stderr = false } = host.options.terminals ?? {};
  const input = hostFunction(host, "wasi:cli/stdin#getStdin")();
  const output = hostFunction(host, "wasi:cli/stdout#getStdout")();
  const error = hostFunction(host, "wasi:cli/stderr#getStderr")();
  return [
    { kind: "input", stream: input, terminal: stdin, nonblock: false },
    { kind: "output", stream: output, terminal: stdout, nonblock: false },
    { kind: "output", stream: error, terminal: stderr, nonblock: false },
  ];
}

function openPreopens(host: Preview1Host): OpenEntry[] {
  const directories = hostFunction(host, "wasi:filesystem/preopens#getDirectories")();
  return directories.map(([descriptor, preopenPath]) => ({ kind: "directory", descriptor, preopenPath }));
}
