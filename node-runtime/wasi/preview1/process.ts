import { GuestExit } from "../errors.ts";
import type { Body, Context } from "./context.ts";
import { hostFunction } from "./host-parts.ts";
import { ERRNO, ErrnoError } from "./errno.ts";
import type { GuestMemory } from "./guest-memory.ts";

/** Random bytes made between two turns of the event loop. */
const RANDOM_CHUNK_BYTES = 64 * 1024;

const UTF8 = new TextEncoder();

/** Returns `args_*`, `environ_*`, `proc_*`, `sched_yield` and `random_get`. */
export function createProcessFunctions(context: Context): Record<string, Body> {
  const { host, memory } = context;
  const randomBytes = hostFunction(host, "wasi:random/random#getRandomBytes");
  const args = (): Uint8Array[] => host.options.args.map(encodeCString);
  const environ = (): Uint8Array[] => environmentOf(context).map(encodeCString);

  const fillRandomly = (pointer: number, length: number): void =>
    memory.write(pointer, randomBytes(BigInt(length >>> 0)));

  return {
    args_get: (pointers: number, strings: number) => writeStrings(memory, args(), pointers, strings),
    args_sizes_get: (count: number, size: number) => writeSizes(memory, args(), count, size),
    environ_get: (pointers: number, strings: number) => writeStrings(memory, environ(), pointers, strings),
    environ_sizes_get: (count: number, size: number) => writeSizes(memory, environ(), count, size),
    proc_exit(code: number): never {
      throw new GuestExit(code >>> 0);
    },
    proc_raise(): never {
      throw new ErrnoError(ERRNO.NOTSUP);
    },
    sched_yield: () => context.yieldTurn(),
    random_get(pointer: number, length: number) {
      const { byteLength } = memory.bytes(pointer, length);
      if (byteLength <= RANDOM_CHUNK_BYTES) return fillRandomly(pointer, byteLength);
      return fillInTurns(context, pointer >>> 0, byteLength, fillRandomly);
    },
  };
}

async function fillInTurns(
  context: Context,
  pointer: number,
  length: number,
  fill: (pointer: number, length: number) => void,
): Promise<void> {
  for (let done = 0; done < length; done += RANDOM_CHUNK_BYTES) {
    fill(pointer + done, Math.min(RANDOM_CHUNK_BYTES, length - done));
    await context.yieldTurn();
  }
}

/** Preview 1 has no working directory of its own: runtimes for it (Go's) take it from `PWD`. */
function environmentOf({ host: { options } }: Context): string[] {
  const { env, cwd } = options;
  const variables = env.map(([name, value]) => `${name}=${value}`);
  const told = cwd === undefined || env.some(([name]) => name === "PWD");
  return told ? variables : [...variables, `PWD=${cwd}`];
}

function encodeCString(text: string): Uint8Array {
  return UTF8.encode(`${text}\0`);
}

function writeSizes(memory: GuestMemory, strings: readonly Uint8Array[], count: number, size: number): void {
  memory.writeU32(count, strings.length);
  memory.writeU32(size, totalLength(strings));
}

function writeStrings(memory: GuestMemory, strings: readonly Uint8Array[], pointers: number, start: number): void {
  const list = memory.struct(pointers, strings.length * 4);
  const bytes = memory.bytes(start, totalLength(strings));
  let offset = 0;
  for (const [index, string] of strings.entries()) {
    list.setUint32(index * 4, (start >>> 0) + offset, true);
    bytes.set(string, offset);
    offset += string.length;
  }
}

function totalLength(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, { length }) => sum + length, 0);
}
