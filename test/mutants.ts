import { mkdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WasmletError, messageOf } from "../common/errors.ts";
import { prepareArtifact } from "../node-runtime/prepare/pipeline.ts";

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
export function mutate(original: Uint8Array, seed: number): Uint8Array {
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

/** What became of mutants: how many by error code, `prepared` where nothing was wrong. */
type Outcomes = Record<string, number>;

/** What one process got done. */
export interface MutantsReply {
  outcomes: Outcomes;
  /** The seed that comes next: jco's compiler panicked before the end, and a process whose compiler did is spent. */
  nextSeed: number;
}

/** Prepares the mutants of a file in this process: a crash or hang is the process's own. Stops early when it is spent. */
export async function prepareMutants(
  file: string,
  firstSeed: number,
  endSeed: number,
  folder: string,
): Promise<MutantsReply> {
  const original = readFileSync(file);
  const outcomes: Outcomes = {};
  for (let seed = firstSeed; seed < endSeed; seed++) {
    let isSpent = false;
    const [mutant, directory] = [join(folder, "mutant.wasm"), join(folder, "prepared")];
    writeFileSync(mutant, mutate(original, seed));
    mkdirSync(directory);
    const outcome = await prepareArtifact(mutant, directory).then(
      () => "prepared",
      (thrown: unknown) => {
        isSpent = messageOf(thrown).includes("wasm trap");
        return thrown instanceof WasmletError ? thrown.code : `uncaught: ${String(thrown)}`;
      },
    );
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    rmSync(directory, { recursive: true });
    if (isSpent) return { outcomes, nextSeed: seed + 1 };
  }
  return { outcomes, nextSeed: endSeed };
}
