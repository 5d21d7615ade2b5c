import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Clock } from "../clocks/clock.ts";
import { WasiHost, type HostOptions } from "../host.ts";
import { BytePipe } from "../io/byte-pipe.ts";
import { Scope } from "../scope.ts";
import { EgressPolicy } from "../sockets/egress.ts";
import { createPreview1Imports } from "./imports.ts";

/** A clock that stands still until a test moves it. */
class ManualClock implements Clock {
  #nowNs = 1_000n;
  #timers: Array<{ atNs: bigint; fire: () => void }> = [];

  /** Timers armed and not fired. */
  get armed(): number {
    return this.#timers.length;
  }

  monotonicNs(): bigint {
    return this.#nowNs;
  }

  /** A thousand seconds ahead of the monotonic clock. */
  wallNs(): bigint {
    return this.#nowNs + 1_000_000_000_000n;
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { atNs: this.#nowNs + BigInt(Math.ceil(delayMs * 1e6)), fire };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  /** Lets time pass and fires what is due. */
  advance(ns: bigint): void {
    this.#nowNs += ns;
    const due = this.#timers.filter(({ atNs }) => atNs <= this.#nowNs);
    this.#timers = this.#timers.filter(({ atNs }) => atNs > this.#nowNs);
    for (const { fire } of due) fire();
  }
}

/** What a test changes about its guest. */
export interface GuestOptions extends Partial<Pick<HostOptions, "args" | "env" | "cwd" | "terminals" | "preopens">> {
  /** Room in standard output before its writer must wait. */
  stdoutBytes?: number;
}

/** A preview 1 guest whose code is the test: a memory of one page, and calls with pointers into it. */
export class TestGuest {
  readonly clock = new ManualClock();
  readonly scope = new Scope();
  readonly stdin = new BytePipe();
  readonly stdout: BytePipe;
  readonly stderr = new BytePipe();
  readonly host: WasiHost;
  readonly memory = { buffer: new ArrayBuffer(65_536) };
  readonly #imports: ReturnType<typeof createPreview1Imports>["imports"];

  constructor({ stdoutBytes = 65_536, ...options }: GuestOptions = {}) {
    this.stdout = new BytePipe(stdoutBytes);
    const { scope, clock, stdin, stdout, stderr } = this;
    const egress = EgressPolicy.parse([]);
    const defaults = { args: ["guest"], env: [], preopens: [] };
    this.host = new WasiHost({ ...defaults, egress, clock, stdin, stdout, stderr, ...options }, scope);
    this.#imports = createPreview1Imports(this.host, () => this.memory).imports;
    onTestFinished(() => scope.close());
  }

  /** Calls a function as wasm does; a promise when it waits. */
  start(name: string, ...args: Array<number | bigint>): number | Promise<number> {
    return (this.#imports[name] as unknown as (...args: Array<number | bigint>) => number | Promise<number>)(...args);
  }

  /** Calls a function and returns its errno. */
  async call(name: string, ...args: Array<number | bigint>): Promise<number> {
    return this.start(name, ...args);
  }

  /** Stores text or bytes at `pointer`; returns pointer and length, as arguments. */
  put(pointer: number, contents: string | Uint8Array): [pointer: number, length: number] {
    const bytes = Buffer.from(contents);
    new Uint8Array(this.memory.buffer).set(bytes, pointer);
    return [pointer, bytes.length];
  }

  /** Stores a list of iovecs at `pointer`; returns pointer and count, as arguments. */
  putIovecs(pointer: number, ...ranges: Array<[pointer: number, length: number]>): [pointer: number, count: number] {
    for (const [index, [start, length]] of ranges.entries()) {
      this.view.setUint32(pointer + index * 8, start, true);
      this.view.setUint32(pointer + index * 8 + 4, length, true);
    }
    return [pointer, ranges.length];
  }

  /** Returns the text of `length` bytes at `pointer`. */
  text(pointer: number, length: number): string {
    return Buffer.from(this.memory.buffer, pointer, length).toString();
  }

  /** The memory. */
  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** The 32-bit number at `pointer`. */
  u32(pointer: number): number {
    return this.view.getUint32(pointer, true);
  }

  /** The 64-bit number at `pointer`. */
  u64(pointer: number): bigint {
    return this.view.getBigUint64(pointer, true);
  }

  /** Opens `path` below the first preopen with rights, oflags and fdflags; returns the descriptor. Throws on an errno. */
  async open(path: string, { rights = 0n, oflags = 0, fdflags = 0, dirFd = 3 } = {}): Promise<number> {
    const errno = await this.call("path_open", dirFd, 1, ...this.put(1000, path), oflags, rights, 0n, fdflags, 996);
    if (errno !== 0) throw new Error(`path_open ${path}: errno ${errno}`);
    return this.u32(996);
  }

  /** Writes `text` to `fd`; returns the errno and, behind it, how many bytes went. */
  async write(fd: number, text: string): Promise<[errno: number, written: number]> {
    const errno = await this.call("fd_write", fd, ...this.putIovecs(2000, this.put(2100, text)), 1996);
    return [errno, this.u32(1996)];
  }

  /** Reads up to `length` bytes of `fd` as text; throws on an errno. */
  async read(fd: number, length: number): Promise<string> {
    const errno = await this.call("fd_read", fd, ...this.putIovecs(2000, [2100, length]), 1996);
    if (errno !== 0) throw new Error(`fd_read: errno ${errno}`);
    return this.text(2100, this.u32(1996));
  }
}

/** Returns a guest with a new temporary folder under `/`, which is removed when the test ends. */
export function makeGuestWithFolder(writable = true): { guest: TestGuest; folder: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "wasmlet-preview1-")));
  const guest = new TestGuest({ preopens: [{ guestPath: "/", hostPath: folder, writable }] });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { guest, folder };
}

/** Lets everything run that can run now. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
