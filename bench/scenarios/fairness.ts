import { setTimeout as delay } from "node:timers/promises";
import { appManifest, type Manifest } from "../../test/harness.ts";
import { serve } from "../../test/served-runtime.ts";
import { DEADLINE_SECONDS, IMAGES, measured, sampleOf } from "../load/block.ts";
import { goodOf, LoadGenerator, sumCounts, totalOf } from "../load/generator.ts";
import type { Load, LoadResult } from "../load/load-run.ts";
import type { Effort } from "../options.ts";
import { CACHE, guestFile } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * An app that is asked a few times in a second, alone and beside one that is flooded: in the same cell, and beside one in a
 * cell of its own, which shows what of it comes of the machine. A request without a good answer counts as its deadline.
 */

const QUIET_RATE = 60;
const QUIET_CONNECTIONS = 50;
const FLOOD_CONNECTIONS = 2000;
/** How long a flood goes on before the quiet app is measured, and what is left over after it. */
const SETTLE_MS = 1000;

/** What is flooded, with how many requests in a second: more than five times what a core can do, but for hello, where no machine's other half can send as much. */
const FLOODS = [
  { arm: "beside a flood of hello-rust", app: "flooded-hello", path: "/", rate: 30_000 },
  { arm: "beside a flood of images of 10 ms", app: "flooded-image", path: IMAGES["image of 10 ms"], rate: 500 },
  { arm: "beside a flood of images of 10 ms in another cell", app: "apart", path: IMAGES["image of 10 ms"], rate: 500 },
] as const;

const ALONE = "quiet app, alone";

/** The arms' names in samples and goals. */
export const FAIRNESS_ARMS = { alone: ALONE, beside: FLOODS.map(({ arm }) => `quiet app, ${arm}`) } as const;

/** Measures the quiet app in turns: alone, and beside each flood. */
export async function measureFairness({ fairnessRounds, fairnessSeconds }: Effort): Promise<Findings> {
  const runtime = await serve(manifests(), CACHE, ["--cells", "1"]);
  const [flooding, quiet] = [new LoadGenerator(), new LoadGenerator()];
  const samples: Sample[] = [];
  const floods = new Map<string, LoadResult[]>();
  try {
    const deadlineMs = DEADLINE_SECONDS * 1000;
    const quietLoad: Load = {
      url: await runtime.urlOf("quiet"),
      seconds: fairnessSeconds,
      connections: QUIET_CONNECTIONS,
      deadlineMs,
      rate: QUIET_RATE,
      isPrecise: true,
    };
    const pids = [runtime.pid, ...runtime.children()];
    const ask = async (arm: string, round: number): Promise<void> => {
      const { result, cpuSeconds } = await measured(pids, quiet, quietLoad);
      const failed = Array<number>(totalOf(result) - goodOf(result)).fill(deadlineMs * 1000);
      const latenciesMicros = [...result.latenciesMicros, ...failed];
      const sample = sampleOf("fairness", arm, round, { result: { ...result, latenciesMicros }, cpuSeconds });
      if (round >= 0) samples.push({ ...sample, requests: totalOf(result) });
    };
    await ask(ALONE, -1);
    for (let round = 0; round < fairnessRounds; round++) {
      await ask(ALONE, round);
      for (const { arm, app, path, rate } of FLOODS) {
        const flood = flooding.apply({
          url: new URL(path, await runtime.urlOf(app)).href,
          seconds: fairnessSeconds + SETTLE_MS / 1000,
          connections: FLOOD_CONNECTIONS,
          deadlineMs,
          rate,
        });
        await delay(SETTLE_MS);
        await ask(`quiet app, ${arm}`, round);
        floods.set(arm, [...(floods.get(arm) ?? []), await flood]);
        await delay(SETTLE_MS);
      }
    }
  } finally {
    await quiet.stop();
    await flooding.stop();
    await runtime.remove();
  }
  return { samples, notes: [...floods].map(([arm, results]) => describeFlood(arm, results)) };
}

function manifests(): Manifest[] {
  const spec = { limits: { requestTimeoutSeconds: DEADLINE_SECONDS } };
  return [
    appManifest("quiet", guestFile("hello-rust"), { spec }),
    appManifest("flooded-hello", guestFile("hello-rust"), { spec }),
    appManifest("flooded-image", guestFile("image-rust"), { spec }),
    appManifest("apart", guestFile("image-rust"), { spec: { ...spec, isolation: { cell: "App" } } }),
  ];
}

function describeFlood(arm: string, results: readonly LoadResult[]): string {
  const counts = Object.entries(sumCounts(results)).map(([outcome, count]) => `${count} × ${outcome}`);
  return `fairness: ${arm}: ${counts.join(", ")}`;
}
