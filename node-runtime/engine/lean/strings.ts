import { AbiTrap } from "./abi-trap.ts";
import type { GuestMemory } from "./guest-memory.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to this length strings are copied in JavaScript: a call of a native coder costs more. */
const SHORT_BYTES = 32;

/** Up to this length it is worth finding out that a string is ASCII. */
const MEDIUM_BYTES = 1024;

/** Node.js' own Latin-1 decoder, which takes any Uint8Array. */
const latin1Slice: (this: Uint8Array, start: number, end: number) => string = Reflect.get(
  Buffer.prototype,
  "latin1Slice",
);

/** Returns the UTF-8 string of `length` bytes at `pointer`; traps on bytes outside of the memory or not UTF-8. */
export function loadString(memory: GuestMemory, pointer: number, length: number): string {
  const size = length >>> 0;
  const start = memory.range(pointer, size, 1);
  memory.charge(size);
  const { bytes } = memory;
  const end = start + size;
  if (size <= MEDIUM_BYTES && isAscii(bytes, start, end)) return latin1Slice.call(bytes, start, end);
  try {
    return UTF8.decode(bytes.subarray(start, end));
  } catch {
    throw new AbiTrap(`the string of ${size} bytes at ${start} is not valid UTF-8`);
  }
}

/** Where something lies in the guest's memory: `length` counts bytes of a string, elements of a list. */
export interface StoredRange {
  pointer: number;
  length: number;
}

/** Copies a string into memory that the guest allocates, as UTF-8; returns where it lies. */
export function storeString(memory: GuestMemory, text: string): StoredRange {
  if (text.length <= SHORT_BYTES && isAsciiText(text)) {
    const pointer = memory.allocate(text.length, 1);
    const { bytes } = memory;
    for (let index = 0; index < text.length; index++) bytes[pointer + index] = text.charCodeAt(index);
    return { pointer, length: text.length };
  }
  const encoded = Buffer.from(text, "utf8");
  const pointer = memory.allocate(encoded.length, 1);
  memory.bytes.set(encoded, pointer);
  return { pointer, length: encoded.length };
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index]! > 0x7f) return false;
  return true;
}

function isAsciiText(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
