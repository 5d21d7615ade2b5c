import { setTimeout as delay } from "node:timers/promises";
import { Account, type Closing } from "./account.ts";
import { APPS } from "./apps.ts";
import { Chaos, type Deeds } from "./chaos.ts";
import { compareHoldings, findOrphans, holdingsOf, type Holdings } from "./leftovers.ts";
import { Random } from "./random.ts";
import { SoakedRuntime } from "./soaked-runtime.ts";

/** What a supervisor does first costs it memory once: connections, metrics, code that is compiled. */
const WARM_UP_MS = 5000;
const PAUSE_MS = 300;
const PROGRESS_MS = 10_000;
/** How long a supervisor may take to let go of what it needs no more. */
const SETTLE_MS = 30_000;
const NAMES = APPS.map(({ name }) => name);

/** What came of a soak. */
export interface SoakResult {
  minutes: number;
  seed: number;
  account: Closing;
  deeds: Deeds;
  before: Holdings;
  after: Holdings;
  /** The same is not there as before. */
  left: string[];
  exitCode: number | null;
}

/** Runs a soak; `say` is told how it goes. */
export async function soak(
  { minutes, seed }: { minutes: number; seed: number },
  say: (line: string) => void,
): Promise<SoakResult> {
  const account = new Account();
  const runtime = await SoakedRuntime.start();
  const chaos = new Chaos(runtime, account, new Random(seed));
  try {
    await chaos.begin();
    await delay(WARM_UP_MS);
    await chaos.stopClients();
    await runtime.untilSettled(NAMES);
    const before = holdingsOf(runtime.served.pid);
    chaos.startClients();
    await actFor(minutes * 60_000, chaos, account, say);
    await chaos.stopClients();
    chaos.removeExtras();
    await runtime.untilSettled(NAMES);
    const after = await untilHolding(runtime, before);
    const { code: exitCode, listening } = await runtime.stop();
    const left = [
      ...compareHoldings(before, after),
      ...findOrphans(runtime.pids),
      ...listening.map((port) => `port ${port}`),
      ...(exitCode === 0 ? [] : [`exit code ${exitCode}`]),
    ];
    return { minutes, seed, account: account.close(), deeds: chaos.deeds, before, after, left, exitCode };
  } finally {
    await chaos.stopClients();
    await runtime.end();
  }
}

async function actFor(ms: number, chaos: Chaos, account: Account, say: (line: string) => void): Promise<void> {
  const endMs = performance.now() + ms;
  let toldMs = performance.now();
  while (performance.now() < endMs) {
    const deed = await chaos.act();
    if (performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now();
      const leftSeconds = Math.max(0, Math.round((endMs - toldMs) / 1000));
      say(`${leftSeconds} s left, ${account.sent} requests, ${chaos.deeds.cellsKilled} cells killed; last: ${deed}`);
    }
    await delay(PAUSE_MS);
  }
}

/** Resolves to what the supervisor has once that is what it had before, or when it has had time enough. */
async function untilHolding(runtime: SoakedRuntime, before: Holdings): Promise<Holdings> {
  const latestMs = performance.now() + SETTLE_MS;
  for (;;) {
    const now = holdingsOf(runtime.served.pid);
    if (compareHoldings(before, now).length === 0 || performance.now() > latestMs) return now;
    await delay(PAUSE_MS);
  }
}

/** Returns what must not be: requests that are lost, answers that no app gives, and what is left behind. */
export function findProblems({ account, left }: Pick<SoakResult, "account" | "left">): string[] {
  return [
    ...account.losses.map((loss) => `lost: ${loss}`),
    ...account.unexpected.map((answer) => `unexpected: ${answer}`),
    ...left.map((what) => `left: ${what}`),
  ];
}
