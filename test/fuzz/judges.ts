import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { JudgeRequest } from "./judge-main.ts";
import type { MutantKind, MutantVerdict } from "./mutants.ts";

/*
 * The pipeline judges mutants in processes like the preparer's, many in each. A process that ends without a verdict is
 * not always that mutant's doing (memory adds up): the mutant is judged again in a process of its own, which decides.
 */

/** The limits of a process that judges: a preparer's, but for the time without a verdict. */
const MAX_HEAP_MB = 1024;
const MAX_RESIDENT_BYTES = 1536 * 1024 * 1024;
const MAX_SILENT_MS = 20_000;
const WATCH_INTERVAL_MS = 200;
/** Mutants that one process judges at the most. */
const BATCH = 2000;
const NICE = 19;
const JUDGE_MAIN = fileURLToPath(new URL("judge-main.ts", import.meta.url));
/** Without it, each process strips the types of its sources anew. */
const COMPILE_CACHE = fileURLToPath(new URL("../../.cache/compiled", import.meta.url));

/** Which mutants are judged, and where. */
export interface JudgeOptions {
  kind: MutantKind;
  seeds: [first: number, end: number];
  /** Where each process keeps the mutant that it is at. */
  folder: string;
  /** Processes at a time; one unless given. */
  processes?: number;
  /** Leaves the machine to others. */
  isNice?: boolean;
  onVerdict?: (verdict: MutantVerdict) => void;
  signal?: AbortSignal;
}

/** A mutant that ended its process, alone in it. */
export interface Fatality {
  seed: number;
  /** `SIGABRT`, `exit 1`, `hung` or `out of memory`. */
  how: string;
}

/** What became of all mutants. */
export interface Judgement {
  judged: number;
  /** How many came to which verdict. */
  verdicts: Map<string, number>;
  fatalities: Fatality[];
  /** The first mutant of each way in which jco's compiler panicked, and how many there were. */
  panics: Map<string, { seed: number; count: number }>;
}

/** Judges mutants; resolves when all are, or those under way when aborted. */
export async function judgeAll(options: JudgeOptions): Promise<Judgement> {
  const { processes = 1, seeds } = options;
  const judgement: Judgement = { judged: 0, verdicts: new Map(), fatalities: [], panics: new Map() };
  const batches = batchesOf(seeds);
  const work = async (): Promise<void> => {
    for (const batch of batches) await judgeBatch(options, batch, judgement);
  };
  await Promise.all(Array.from({ length: processes }, work));
  return judgement;
}

/** Parts of the seeds, one after another: whoever is free takes the next. */
function* batchesOf([first, end]: [number, number]): Generator<[number, number]> {
  for (let at = first; at < end; at += BATCH) yield [at, Math.min(end, at + BATCH)];
}

async function judgeBatch(options: JudgeOptions, [first, end]: [number, number], into: Judgement): Promise<void> {
  const at = { seed: first };
  const note = (verdict: MutantVerdict): void => {
    at.seed = verdict.seed + 1;
    noteVerdict(verdict, into);
    options.onVerdict?.(verdict);
  };
  let isAlone = false;
  while (at.seed < end && options.signal?.aborted !== true) {
    const { seed } = at;
    const how = await runJudge(options, [seed, isAlone ? seed + 1 : end], note);
    if (how !== "exit 0" && isAlone && at.seed === seed) {
      into.fatalities.push({ seed, how });
      note({ seed, verdict: `ended its process: ${how}` });
    }
    isAlone = how !== "exit 0" && !isAlone;
  }
}

function noteVerdict({ seed, verdict, panic }: MutantVerdict, into: Judgement): void {
  const { verdicts, panics } = into;
  into.judged++;
  verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  if (panic === undefined) return;
  const known = panics.get(panic);
  if (known === undefined) panics.set(panic, { seed, count: 1 });
  else known.count++;
}

/** Runs one process that judges; resolves to how it ended. One that says nothing for too long is killed. */
function runJudge(
  { kind, folder, isNice }: JudgeOptions,
  seeds: [number, number],
  onVerdict: (verdict: MutantVerdict) => void,
): Promise<string> {
  const child = fork(JUDGE_MAIN, [], {
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
    execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  if (isNice === true && child.pid !== undefined) setPriority(child.pid, NICE);
  let killedFor: string | undefined;
  const kill = (why: string): void => {
    killedFor = why;
    child.kill("SIGKILL");
  };
  const silence = setTimeout(() => kill("hung"), MAX_SILENT_MS);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) > MAX_RESIDENT_BYTES) kill("out of memory");
  }, WATCH_INTERVAL_MS);
  return new Promise((resolve) => {
    child.on("message", (verdict) => {
      silence.refresh();
      onVerdict(verdict as MutantVerdict);
    });
    child.once("close", (code, signal) => {
      clearTimeout(silence);
      clearInterval(watch);
      resolve(killedFor ?? signal ?? `exit ${code}`);
    });
    child.send({ kind, seeds, folder } satisfies JudgeRequest);
  });
}

function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0; // it has ended
  }
}
