import { AbiTrap } from "./abi-trap.ts";
import type { GuestState } from "./guest-state.ts";

/** What one call may make the host allocate for its arguments: lists may overlap in the guest's memory, not here. */
const MAX_LIFTED_BYTES = 64 * 1024 * 1024;

type Realloc = (pointer: number, oldSize: number, alignment: number, size: number) => unknown;

/**
 * The memory and allocator that one set of canonical options names, in one instance. Both are there once the core
 * instance that exports them is made; a function that needs them before that traps.
 */
export class GuestMemory {
  readonly guest: GuestState;
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  #memory: WebAssembly.Memory | undefined;
  #realloc: Realloc | undefined;
  #lifted = 0;

  constructor(guest: GuestState) {
    this.guest = guest;
  }

  /** Gives it the exports that the options name. */
  bind(memory: unknown, realloc: unknown): void {
    if (memory instanceof WebAssembly.Memory) this.#memory = memory;
    if (typeof realloc === "function") this.#realloc = realloc as Realloc;
  }

  /** Starts the account of what a call passes. */
  beginCall(): void {
    this.#lifted = 0;
    this.sync();
  }

  /** Takes bytes that the host is about to allocate into account; traps when a call passes too many. */
  charge(bytes: number): void {
    this.#lifted += bytes;
    if (this.#lifted > MAX_LIFTED_BYTES) throw new AbiTrap(`a call passes more than ${MAX_LIFTED_BYTES} bytes`);
  }

  /** Must come before any access after guest code ran: growing a memory detaches its buffer. */
  sync(): void {
    if (this.bytes.length > 0 || this.#memory === undefined) return;
    this.bytes = new Uint8Array(this.#memory.buffer);
    this.view = new DataView(this.#memory.buffer);
  }

  /**
   * Returns the pointer, of what the host reads, as an unsigned number; traps unless `size` bytes lie there within the
   * memory, aligned.
   */
  range(pointer: number, size: number, alignment: number): number {
    const start = pointer >>> 0;
    if (start % alignment !== 0) throw new AbiTrap(`pointer ${start} is not aligned to ${alignment} bytes`);
    if (start + size > this.bytes.length) {
      throw new AbiTrap(`${size} bytes at ${start} lie outside of the memory of ${this.bytes.length} bytes`);
    }
    return start;
  }

  /** Returns the pointer as `range` does, for the host to write there. */
  writableRange(pointer: number, size: number, alignment: number): number {
    const start = this.range(pointer, size, alignment);
    this.guest.written?.mark(start, size);
    return start;
  }

  /** Has the guest allocate `size` bytes; traps when what it returns is not aligned or not within its memory. */
  allocate(size: number, alignment: number): number {
    const { guest } = this;
    const realloc = this.#realloc;
    if (realloc === undefined) throw new AbiTrap("a value needs an allocator before the guest has one");
    const before = guest.mayLeave;
    guest.mayLeave = false;
    const pointer = realloc(0, 0, alignment, size);
    guest.mayLeave = before;
    this.sync();
    return this.writableRange(pointer as number, size, alignment);
  }
}
