import { randomFillSync } from "node:crypto";

/** The most bytes one call returns: a guest asks for a length, the host pays for it. */
export const MAX_RANDOM_BYTES = 1024 * 1024;

/** Fills a fresh array of `len` bytes from the system's CSPRNG; traps beyond 1 MiB. */
function randomBytes(len: bigint): Uint8Array {
  if (len > BigInt(MAX_RANDOM_BYTES)) throw new Error(`get-random-bytes: at most ${MAX_RANDOM_BYTES} bytes a call`);
  return randomFillSync(new Uint8Array(Number(len)));
}

function randomU64(): bigint {
  return new DataView(randomBytes(8n).buffer).getBigUint64(0, true);
}

/** Returns the three `wasi:random` interfaces; the insecure ones are as good as the secure one. */
export function createRandomImports(): Record<string, Record<string, unknown>> {
  return {
    "wasi:random/random": { getRandomBytes: randomBytes, getRandomU64: randomU64 },
    "wasi:random/insecure": { getInsecureRandomBytes: randomBytes, getInsecureRandomU64: randomU64 },
    "wasi:random/insecure-seed": { insecureSeed: (): [bigint, bigint] => [randomU64(), randomU64()] },
  };
}
