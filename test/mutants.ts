import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WasmletError } from "../common/errors.ts";
import { prepareArtifact } from "../node-runtime/prepare/pipeline.ts";

/** The first eight bytes of a core module and of a component. */
export const MODULE_HEADER: readonly number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
export const COMPONENT_HEADER: readonly number[] = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

const MAX_RANDOM_BYTES = 4096;

/** Hostile artifacts by seed: a file with damage behind its header, or a header with noise behind it. */
export type MutantKind = { file: string } | { header: readonly number[] };

/** Returns the same hostile artifact whenever it is asked for the same seed. */
export function makeMutant(kind: MutantKind, seed: number): Uint8Array {
  return "file" in kind ? mutate(readFileSync(kind.file), seed) : addNoise(kind.header, seed);
}

/** Returns a generator of numbers in [0, 1) that a seed determines (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Returns a copy that keeps its eight header bytes: a few bits flipped, a piece cut out, doubled or cut off. */
function mutate(original: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const at = (): number => 8 + Math.floor(random() * (original.length - 8));
  const bytes = Buffer.from(original);
  const kind = Math.floor(random() * 8);
  const [from, to] = [at(), at()].toSorted((a, b) => a - b) as [number, number];
  if (kind === 1) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.min(to, from + 64))]);
  if (kind === 2) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  if (kind === 3) return bytes.subarray(0, from);
  for (let count = 1 + Math.floor(random() * kind); count > 0; count--) {
    const index = at();
    bytes[index] = (bytes[index] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
  return bytes;
}

/** Returns a header with random bytes behind it: half of them small, as section numbers and lengths are. */
function addNoise(header: readonly number[], seed: number): Uint8Array {
  const random = seededRandom(seed);
  const length = Math.floor(random() * MAX_RANDOM_BYTES);
  const noise = Array.from({ length }, () => Math.floor(random() * (random() < 0.5 ? 16 : 256)));
  return Uint8Array.from([...header, ...noise]);
}

/** What became of one mutant: its error code, `prepared` where nothing was wrong. */
export interface MutantVerdict {
  seed: number;
  verdict: string;
}

/**
 * Prepares mutants in this process, one after the other, and tells each verdict at once: a crash or hang is the
 * process's own. Stops early when jco's compiler panicked: a process whose compiler did is spent.
 */
export async function judgeMutants(
  kind: MutantKind,
  [firstSeed, endSeed]: [number, number],
  folder: string,
  tell: (verdict: MutantVerdict) => void,
): Promise<void> {
  const [file, directory] = [join(folder, "mutant.wasm"), join(folder, "prepared")];
  for (let seed = firstSeed; seed < endSeed; seed++) {
    let isSpent = false;
    writeFileSync(file, makeMutant(kind, seed));
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    const verdict = await prepareArtifact(file, directory).then(
      () => "prepared",
      (thrown: unknown) => {
        isSpent = messageOf(thrown).includes("wasm trap");
        return thrown instanceof WasmletError ? thrown.code : `uncaught: ${String(thrown)}`;
      },
    );
    tell({ seed, verdict });
    if (isSpent) return;
  }
}
