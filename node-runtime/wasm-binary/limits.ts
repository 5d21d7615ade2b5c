import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/**
 *   limits := flags:u8 min:u64 (max:u64 when flags & 1); flags & 2 shared, flags & 4 64-bit, flags & 8 own page size
 *
 * https://webassembly.github.io/spec/core/binary/types.html#limits
 */
export interface Limits {
  min: number;
  max: number | undefined;
  shared: boolean;
  is64: boolean;
}

const FLAG_HAS_MAX = 1;
const FLAG_SHARED = 2;
const FLAG_64 = 4;
const KNOWN_FLAGS = FLAG_HAS_MAX | FLAG_SHARED | FLAG_64;

/** Reads the limits of a memory or a table; throws RangeError on flags that it does not know. */
export function readLimits(reader: Reader): Limits {
  const flags = reader.byte();
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new RangeError(`limits flags ${flags} at byte ${reader.position - 1}`);
  const min = reader.u64();
  const max = (flags & FLAG_HAS_MAX) === 0 ? undefined : reader.u64();
  return { min, max, shared: (flags & FLAG_SHARED) !== 0, is64: (flags & FLAG_64) !== 0 };
}

/** Writes limits as `readLimits` reads them. */
export function writeLimits(writer: Writer, { min, max, shared, is64 }: Limits): void {
  writer.byte((max === undefined ? 0 : FLAG_HAS_MAX) | (shared ? FLAG_SHARED : 0) | (is64 ? FLAG_64 : 0)).unsigned(min);
  if (max !== undefined) writer.unsigned(max);
}
