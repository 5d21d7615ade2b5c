import fc from "fast-check";
import { expect, test } from "vitest";
import { ERRNO, ErrnoError } from "./errno.ts";
import { GuestMemory } from "./guest-memory.ts";

const SIZE = 65_536;

function errnoFrom(operation: () => unknown): number {
  try {
    operation();
    return ERRNO.SUCCESS;
  } catch (thrown) {
    if (thrown instanceof ErrnoError) return thrown.errno;
    throw thrown;
  }
}

function makeMemory(): { memory: GuestMemory; bytes: Uint8Array } {
  const buffer = new ArrayBuffer(SIZE);
  return { memory: new GuestMemory(() => ({ buffer })), bytes: new Uint8Array(buffer) };
}

test.each([
  [0, SIZE, ERRNO.SUCCESS],
  [SIZE, 0, ERRNO.SUCCESS],
  [SIZE - 4, 4, ERRNO.SUCCESS],
  [SIZE - 3, 4, ERRNO.FAULT],
  [SIZE + 1, 0, ERRNO.FAULT],
  [-1, 1, ERRNO.FAULT],
  [0, -1, ERRNO.FAULT],
  [-4, 8, ERRNO.FAULT],
  [0x7fffffff, 0x7fffffff, ERRNO.FAULT],
])("memory: %i with length %i gives errno %i", (pointer, length, errno) => {
  const { memory } = makeMemory();
  expect(errnoFrom(() => memory.check(pointer, length))).toBe(errno);
});

test("memory: any pointer and length are a range inside or a fault", () => {
  const { memory } = makeMemory();
  const word = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: SIZE + 8 }));
  fc.assert(
    fc.property(word, word, (pointer, length) => {
      const inside = (pointer >>> 0) + (length >>> 0) <= SIZE;
      expect(errnoFrom(() => memory.bytes(pointer, length))).toBe(inside ? ERRNO.SUCCESS : ERRNO.FAULT);
    }),
  );
});

test("memory: a grown memory is seen at the next call", () => {
  let buffer = new ArrayBuffer(8);
  const memory = new GuestMemory(() => ({ buffer }));
  expect(errnoFrom(() => memory.writeU32(8, 1))).toBe(ERRNO.FAULT);
  buffer = new ArrayBuffer(16);
  memory.writeU32(8, 0x01020304);
  expect([...new Uint8Array(buffer, 8, 4)]).toEqual([4, 3, 2, 1]);
});

test("memory: a path is UTF-8 of at most 4096 bytes, its byte order mark kept", () => {
  const { memory, bytes } = makeMemory();
  bytes.set(Buffer.from("\u{feff}ä/ü"), 10);
  expect(memory.path(10, 8)).toBe("\u{feff}ä/ü");
  bytes.set([0x66, 0xff], 100);
  expect(errnoFrom(() => memory.path(100, 2))).toBe(ERRNO.ILSEQ);
  bytes.fill(0x61, 0, 4097);
  expect(memory.path(0, 4096)).toHaveLength(4096);
  expect(errnoFrom(() => memory.path(0, 4097))).toBe(ERRNO.NAMETOOLONG);
});
