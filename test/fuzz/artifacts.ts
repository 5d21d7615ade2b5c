import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatTable } from "../../cli/table.ts";
import { makeTemporaryFolder } from "../harness.ts";
import { writeCorpus } from "./corpus-files.ts";
import { judgeAll, type Judgement } from "./judges.ts";
import { makeMutant, type MutantKind } from "./mutants.ts";

/** Mutants that did what none may, to be tried in every run of the tests from then on. */
export const REGRESSIONS = fileURLToPath(new URL("regressions", import.meta.url));

/** How long a run is, and where its seeds begin. */
export interface FuzzOptions {
  runs: number;
  seed: number;
  processes: number;
  signal: AbortSignal;
  /** Called with how much is done. */
  onProgress: (done: number) => void;
}

/** All that came of a run, for people and for programs. */
export interface ArtifactsReport {
  target: "artifacts";
  firstSeed: number;
  judged: number;
  seconds: number;
  perSecond: number;
  verdicts: Record<string, number>;
  /** Contained: the preparer refuses the artifact, and its process is not used again. */
  panics: { message: string; count: number; firstSeed: number }[];
  /** What ended its process, hung, or was refused without a reason that users understand; and where it is kept. */
  failures: { seed: number; how: string; file: string }[];
}

/** Whether a mutant may come to this: it is prepared, or refused as the artifact's fault. */
export function isExpected(verdict: string): boolean {
  return verdict === "prepared" || (/^ARTIFACT_[A-Z_]+$/.test(verdict) && verdict !== "ARTIFACT_CACHE_CORRUPT");
}

/** Judges mutants of all artifacts that tests have; keeps those that did what none may. */
export async function fuzzArtifacts({
  runs,
  seed,
  processes,
  signal,
  onProgress,
}: FuzzOptions): Promise<ArtifactsReport> {
  const folder = makeTemporaryFolder();
  try {
    const kind: MutantKind = { corpus: join(folder.path, "corpus") };
    await writeCorpus(kind.corpus);
    const begin = performance.now();
    const failures: ArtifactsReport["failures"] = [];
    let done = 0;
    const judgement = await judgeAll({
      kind,
      seeds: [seed, seed + runs],
      folder: folder.path,
      processes,
      isNice: true,
      signal,
      onVerdict: (one) => {
        onProgress(++done);
        if (!isExpected(one.verdict)) failures.push({ seed: one.seed, how: one.verdict, file: keep(kind, one.seed) });
      },
    });
    return buildReport(seed, judgement, (performance.now() - begin) / 1000, failures);
  } finally {
    folder.remove();
  }
}

function keep(kind: MutantKind, seed: number): string {
  mkdirSync(REGRESSIONS, { recursive: true });
  const file = join(REGRESSIONS, `mutant-${seed}.wasm`);
  writeFileSync(file, makeMutant(kind, seed));
  return file;
}

function buildReport(
  firstSeed: number,
  { judged, verdicts, panics }: Judgement,
  seconds: number,
  failures: ArtifactsReport["failures"],
): ArtifactsReport {
  return {
    target: "artifacts",
    firstSeed,
    judged,
    seconds,
    perSecond: judged / seconds,
    verdicts: Object.fromEntries([...verdicts].toSorted(([, a], [, b]) => b - a)),
    panics: [...panics].map(([message, { seed, count }]) => ({ message, count, firstSeed: seed })),
    failures,
  };
}

/** Returns the report as a table and a sentence. */
export function formatArtifacts(report: ArtifactsReport): string {
  const { judged, seconds, perSecond, verdicts, panics, failures, firstSeed } = report;
  const rows = Object.entries(verdicts).map(([verdict, count]) => [verdict, String(count)]);
  return [
    formatTable(["VERDICT", "MUTANTS"], rows),
    `${judged} mutants from seed ${firstSeed} on in ${seconds.toFixed(0)} s (${perSecond.toFixed(0)}/s): ${failures.length} not contained.`,
    ...panics.map(
      ({ message, count, firstSeed: seed }) => `contained: ${count}, the first of seed ${seed}: ${message}`,
    ),
    ...failures.map(({ seed, how, file }) => `seed ${seed}: ${how}; kept as ${file}`),
    "",
  ].join("\n");
}
