import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatTable } from "../../cli/table.ts";
import { makeTemporaryFolder } from "../harness.ts";
import type { FuzzOptions } from "./artifacts.ts";
import { lookOutside, makeArena, refill } from "./path-arena.ts";
import type { GuestAccount, GuestRound } from "./path-guest-main.ts";
import type { RacerOrder } from "./path-racer-main.ts";

/** Operations of one guest in a round, after which the arena is made anew and its outside looked at. */
const ROUND_OPERATIONS = 25_000;
const GUESTS_PER_ARENA = 2;
/** A round that takes longer hangs: it opened what blocks. */
const MAX_ROUND_MS = 120_000;
const NICE = 19;

const GUEST_MAIN = fileURLToPath(new URL("path-guest-main.ts", import.meta.url));
const RACER_MAIN = fileURLToPath(new URL("path-racer-main.ts", import.meta.url));
const COMPILE_CACHE = fileURLToPath(new URL("../../.cache/compiled", import.meta.url));

/** All that came of a run, for people and for programs. */
export interface PathsReport {
  target: "paths";
  firstSeed: number;
  operations: number;
  seconds: number;
  perSecond: number;
  /** How many came to what, by operation and WASI's error code. */
  outcomes: Record<string, number>;
  /** What guests saw of the outside, and what was changed there; with the seed of the round. */
  failures: { seed: number; how: string }[];
}

/**
 * Has guests that share a volume try to leave it, while each other and a racer outside rename, link and replace what they walk
 * through.
 */
export async function fuzzPaths({ runs, seed, signal, onProgress }: FuzzOptions): Promise<PathsReport> {
  const folder = makeTemporaryFolder();
  const arena = join(folder.path, "arena");
  mkdirSync(arena);
  makeArena(arena);
  const guests = Array.from({ length: GUESTS_PER_ARENA }, () => start(GUEST_MAIN));
  const racer = start(RACER_MAIN);
  const report: PathsReport = {
    target: "paths",
    firstSeed: seed,
    operations: 0,
    seconds: 0,
    perSecond: 0,
    outcomes: {},
    failures: [],
  };
  const begin = performance.now();
  try {
    for (let round = seed; report.operations < runs && !signal.aborted; round += GUESTS_PER_ARENA) {
      const operations = Math.min(ROUND_OPERATIONS, Math.ceil((runs - report.operations) / GUESTS_PER_ARENA));
      refill(arena);
      const before = lookOutside(arena);
      await tell(racer, { arena, seed: round } satisfies RacerOrder);
      const accounts = await Promise.all(
        guests.map((guest, index) => playRound(guest, { arena, seed: round + index, operations })),
      );
      await ask(racer, "stop" satisfies RacerOrder);
      noteAccounts(report, accounts, round);
      report.failures.push(...differences(before, lookOutside(arena)).map((how) => ({ seed: round, how })));
      report.operations += operations * GUESTS_PER_ARENA;
      onProgress(report.operations);
    }
  } finally {
    for (const child of [...guests, racer]) child.kill("SIGKILL");
    folder.remove();
  }
  report.seconds = (performance.now() - begin) / 1000;
  report.perSecond = report.operations / report.seconds;
  return report;
}

async function playRound(guest: ChildProcess, round: GuestRound): Promise<GuestAccount> {
  return (await ask(guest, round)) as GuestAccount;
}

function noteAccounts(report: PathsReport, accounts: readonly GuestAccount[], seed: number): void {
  for (const { outcomes, escapes } of accounts) {
    for (const [outcome, count] of Object.entries(outcomes)) {
      report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + count;
    }
    report.failures.push(...escapes.map((how) => ({ seed, how })));
  }
}

function differences(before: Record<string, string>, after: Record<string, string>): string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return paths
    .filter((path) => before[path] !== after[path])
    .map((path) => `${path} was ${before[path] ?? "not there"}, is ${after[path] ?? "gone"}`);
}

function start(main: string): ChildProcess {
  const child = fork(main, [], { env: { NODE_COMPILE_CACHE: COMPILE_CACHE }, serialization: "advanced" });
  if (child.pid !== undefined) setPriority(child.pid, NICE);
  return child;
}

function tell(child: ChildProcess, message: RacerOrder): Promise<void> {
  return new Promise((resolve, reject) => child.send(message, (error) => (error === null ? resolve() : reject(error))));
}

/** Resolves to the next message; rejects when the process ends, or says nothing for too long. */
function ask(child: ChildProcess, message: GuestRound | RacerOrder): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error("a process of the race ended"));
    const timer = setTimeout(() => reject(new Error("a guest hangs: it has opened what blocks")), MAX_ROUND_MS);
    child.once("exit", ended);
    child.once("message", (answer) => {
      clearTimeout(timer);
      child.off("exit", ended);
      resolve(answer);
    });
    child.send(message);
  });
}

/** Returns the report as a table and a sentence. */
export function formatPaths({ operations, seconds, perSecond, outcomes, failures, firstSeed }: PathsReport): string {
  const rows = Object.entries(outcomes)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([outcome, count]) => outcome.split(" ").concat(String(count)));
  return [
    formatTable(["OPERATION", "OUTCOME", "TIMES"], rows),
    `${operations} operations from seed ${firstSeed} on in ${seconds.toFixed(0)} s (${perSecond.toFixed(0)}/s): ${failures.length} escapes.`,
    ...failures.map(({ seed, how }) => `seed ${seed}: ${how}`),
    "",
  ].join("\n");
}
