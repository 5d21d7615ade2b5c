import type { HostImports } from "../host.ts";
import { MAX_RANDOM_BYTES } from "../random/imports.ts";

type BytesFunction = (len: bigint) => Uint8Array;

/** Returns the `wasi:random` interfaces of WASI 0.3 over those of WASI 0.2: a call may return less than it is asked for. */
export function createRandomImports(p2: HostImports): HostImports {
  const { getRandomBytes, getRandomU64 } = p2["wasi:random/random"]!;
  const { getInsecureRandomBytes, getInsecureRandomU64 } = p2["wasi:random/insecure"]!;
  return {
    "wasi:random/random": { getRandomBytes: upToLimit(getRandomBytes as BytesFunction), getRandomU64 },
    "wasi:random/insecure": {
      getInsecureRandomBytes: upToLimit(getInsecureRandomBytes as BytesFunction),
      getInsecureRandomU64,
    },
    "wasi:random/insecure-seed": { getInsecureSeed: p2["wasi:random/insecure-seed"]!["insecureSeed"] },
  };
}

function upToLimit(bytes: BytesFunction): BytesFunction {
  return (maxLen) => bytes(maxLen < BigInt(MAX_RANDOM_BYTES) ? maxLen : BigInt(MAX_RANDOM_BYTES));
}
