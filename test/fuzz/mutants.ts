import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { readPreparedArtifact } from "../../node-runtime/artifacts/prepared-artifact.ts";
import { prepareArtifact } from "../../node-runtime/prepare/pipeline.ts";
import { writeBinary } from "./binary.ts";
import { Corpus } from "./corpus.ts";
import { mutateSections } from "./mutations.ts";
import { Random } from "./random.ts";

/** The first eight bytes of a core module and of a component. */
export const MODULE_HEADER: readonly number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
export const COMPONENT_HEADER: readonly number[] = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

const MAX_RANDOM_BYTES = 4096;
/** Of a corpus, one mutant in so many has damage at any byte. */
const ONE_IN_BYTES = 5;

/**
 * Hostile artifacts by seed: a file with damage behind its header, a header with noise behind it, one of a folder of
 * artifacts with damage of all kinds; or files as they are, which count as seeds.
 */
export type MutantKind =
  | { file: string }
  | { header: readonly number[] }
  | { corpus: string }
  | { files: readonly string[] };

/** Returns the same hostile artifact whenever it is asked for the same seed. */
export function makeMutant(kind: MutantKind, seed: number): Uint8Array {
  if ("files" in kind) return readFileSync(kind.files[seed]!);
  const random = new Random(seed);
  if ("file" in kind) return damage(readFileSync(kind.file), random);
  if ("header" in kind) return addNoise(kind.header, random);
  const corpus = corpusOf(kind.corpus);
  const original = corpus.pick(random);
  if (random.below(ONE_IN_BYTES) === 0) return damage(writeBinary(original), random);
  return mutateSections(original, random, corpus.stock);
}

const corpora = new Map<string, Corpus>();

function corpusOf(folder: string): Corpus {
  const corpus = corpora.get(folder) ?? new Corpus(folder);
  corpora.set(folder, corpus);
  return corpus;
}

/** Returns a copy that keeps its eight header bytes: a few bits flipped, a piece cut out, doubled or cut off. */
function damage(original: Uint8Array, random: Random): Uint8Array {
  const at = (): number => 8 + random.below(original.length - 8);
  const bytes = Buffer.from(original);
  const kind = random.below(8);
  const [from, to] = [at(), at()].toSorted((a, b) => a - b) as [number, number];
  if (kind === 1) return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.min(to, from + 64))]);
  if (kind === 2) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  if (kind === 3) return bytes.subarray(0, from);
  for (let count = 1 + random.below(kind); count > 0; count--) {
    const index = at();
    bytes[index] = (bytes[index] ?? 0) ^ (1 << random.below(8));
  }
  return bytes;
}

/** Returns a header with random bytes behind it: half of them small, as section numbers and lengths are. */
function addNoise(header: readonly number[], random: Random): Uint8Array {
  const length = random.below(MAX_RANDOM_BYTES);
  const noise = Array.from({ length }, () => random.below(random.next() < 0.5 ? 16 : 256));
  return Uint8Array.from([...header, ...noise]);
}

/** What became of one mutant: its error code, `prepared` where nothing was wrong. */
export interface MutantVerdict {
  seed: number;
  verdict: string;
  /** What jco's compiler said when it panicked, which is contained: the artifact is refused. */
  panic?: string;
}

/**
 * Prepares mutants in this process, one after the other, and tells each verdict at once: a crash or hang is the
 * process's own. Stops early when jco's compiler panicked: a process whose compiler did is spent.
 */
export async function judgeMutants(
  kind: MutantKind,
  seeds: Iterable<number>,
  folder: string,
  tell: (verdict: MutantVerdict) => void,
): Promise<void> {
  const [file, directory] = [join(folder, `${process.pid}.wasm`), join(folder, `${process.pid}`)];
  for (const seed of seeds) {
    writeFileSync(file, makeMutant(kind, seed));
    mkdirSync(directory);
    const judged = await judge(file, directory);
    rmSync(directory, { recursive: true, force: true });
    tell({ seed, ...judged });
    if (judged.panic !== undefined) break;
  }
  rmSync(file, { force: true });
}

/** Prepares one artifact as a preparer does, and reads what it left as the supervisor does. */
async function judge(file: string, directory: string): Promise<Omit<MutantVerdict, "seed">> {
  try {
    await prepareArtifact(file, directory);
    readPreparedArtifact(directory);
    return { verdict: "prepared" };
  } catch (thrown) {
    const message = messageOf(thrown);
    return {
      verdict: thrown instanceof WasmletError ? thrown.code : `uncaught: ${String(thrown)}`.slice(0, 500),
      ...(message.includes("wasm trap") && { panic: message.slice(0, 500) }),
    };
  }
}
