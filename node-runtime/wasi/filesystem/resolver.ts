/**
 * The walk from a directory descriptor along a guest's path, as `openat2(RESOLVE_BENEATH)` would do it.
 *
 * Every directory on the way is opened relative to the one before it, by descriptor, and never through a symbolic link;
 * links are read and expanded here. The directories entered stay open until the walk ends, and `..` goes back to the one
 * held, so the kernel is never asked for a parent and nothing that others rename meanwhile leads outside:
 *
 *     root fd ── "a" ──▶ fd 21 ── "b" ──▶ fd 22          ".."  closes 22, goes on from 21
 *     a link "l" → "../c" in fd 22: its target's names are put in front of the rest of the path
 */
import { fstatSync, readlinkSync, type BigIntStats } from "node:fs";
import { systemCodeOf } from "../../../common/errors.ts";
import { asWasiError, attempt, failure } from "./error-code.ts";
import { decodeHostName, parseGuestPath } from "./guest-path.ts";
import { closeQuietly, openDirectoryName, openName, pathOfChild, reopenDirectoryName } from "./proc-fd.ts";

/** As Linux's MAXSYMLINKS. */
const MAX_LINKS = 40;
/** Directories held open at once. */
const MAX_DEPTH = 256;
/** Names looked up in one walk, those of links included: it bounds the time that a hostile path takes (about 10 ms). */
const MAX_STEPS = 2048;

/** An object that a walk arrived at: a handle that names it (O_PATH), which is the caller's to close. */
export interface Found {
  fd: number;
  stats: BigIntStats;
}

/** One walk along one path, confined to the directory it starts at. Dispose it to close what it holds. */
export class Walk implements Disposable {
  readonly #rootFd: number;
  /** The directories entered below the root, the innermost last. */
  readonly #entered: number[] = [];
  /** The names to go, the next one last. */
  readonly #rest: string[];
  #mustBeDirectory: boolean;
  #links = 0;
  #steps = 0;

  /** Starts at the directory behind `rootFd`. Throws for a path that may not be walked. */
  constructor(rootFd: number, path: string) {
    const { segments, trailingSlash } = parseGuestPath(path);
    this.#rootFd = rootFd;
    this.#rest = segments.toReversed();
    this.#mustBeDirectory = trailingSlash;
  }

  /** The directory that the walk is in. */
  get directoryFd(): number {
    return this.#entered.at(-1) ?? this.#rootFd;
  }

  /** True when the path ends with `/`. */
  get mustBeDirectory(): boolean {
    return this.#mustBeDirectory;
  }

  /** Enters all directories but the last name, which is returned; undefined when the path ends at the directory itself. */
  lastName(): string | undefined {
    while (this.#rest.length > 1) this.#enter(this.#rest.pop()!);
    const last = this.#rest[0];
    if (last !== "." && last !== "..") return last;
    this.#rest.length = 0;
    this.#enter(last);
    return undefined;
  }

  /**
   * Walks to the end and opens the object there as a mere name; undefined when only the last name is missing. A link at
   * the end is followed when `follow` is set or the path ends with `/`, otherwise it is the object.
   */
  find(follow: boolean): Found | undefined {
    for (;;) {
      const name = this.lastName();
      const fd = name === undefined ? attempt(() => reopenDirectoryName(this.directoryFd)) : this.#openLast(name);
      if (fd === undefined) return undefined;
      const stats = statOrClose(fd);
      if (name === undefined || !stats.isSymbolicLink() || !(follow || this.#mustBeDirectory)) {
        if (!this.#mustBeDirectory || stats.isDirectory()) return { fd, stats };
        closeQuietly(fd);
        throw failure("not-directory");
      }
      closeQuietly(fd);
      this.#followLast(name);
    }
  }

  [Symbol.dispose](): void {
    this.#entered.forEach(closeQuietly);
    this.#entered.length = 0;
  }

  #enter(name: string): void {
    this.#countStep();
    if (name === ".") return;
    if (name === "..") {
      const left = this.#entered.pop();
      if (left === undefined) throw failure("not-permitted");
      closeQuietly(left);
      return;
    }
    if (this.#entered.length >= MAX_DEPTH) throw failure("name-too-long");
    try {
      this.#entered.push(openDirectoryName(this.directoryFd, name));
    } catch (thrown) {
      if (systemCodeOf(thrown) !== "ENOTDIR") throw asWasiError(thrown);
      const target = readLink(this.directoryFd, name);
      if (target !== undefined) this.#expand(target);
      // No link: a file, or what has just become a directory.
      else this.#entered.push(attempt(() => openDirectoryName(this.directoryFd, name)));
    }
  }

  #openLast(name: string): number | undefined {
    this.#countStep();
    try {
      return openName(this.directoryFd, name);
    } catch (thrown) {
      if (systemCodeOf(thrown) === "ENOENT") return undefined;
      throw asWasiError(thrown);
    }
  }

  /** Goes on with the target of the link `name`; when it has just been replaced by no link, `name` is looked up again. */
  #followLast(name: string): void {
    const target = readLink(this.directoryFd, name);
    if (target === undefined) return;
    this.#rest.length = 0;
    this.#mustBeDirectory ||= target.endsWith("/");
    this.#expand(target);
  }

  #expand(target: string): void {
    this.#links += 1;
    if (this.#links > MAX_LINKS) throw failure("loop");
    this.#rest.push(...parseGuestPath(target).segments.toReversed());
  }

  #countStep(): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw failure("name-too-long");
  }
}

/** Returns the target of the link `name` in `dirFd`, or undefined when it is no link. */
export function readLink(dirFd: number, name: string): string | undefined {
  try {
    return decodeHostName(readlinkSync(pathOfChild(dirFd, name), { encoding: "buffer" }));
  } catch (thrown) {
    if (systemCodeOf(thrown) === "EINVAL") return undefined;
    throw asWasiError(thrown);
  }
}

function statOrClose(fd: number): BigIntStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (thrown) {
    closeQuietly(fd);
    throw asWasiError(thrown);
  }
}
