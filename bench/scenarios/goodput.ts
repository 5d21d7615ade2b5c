import { percentile } from "../../common/statistics.ts";
import { appManifest } from "../../test/harness.ts";
import { peakResidentBytes, serve, type ServedRuntime } from "../../test/served-runtime.ts";
import { DEADLINE_SECONDS, type Image, IMAGES, measured, sampleOf } from "../load/block.ts";
import { goodOf, LoadGenerator, sumCounts, totalOf } from "../load/generator.ts";
import type { Load, LoadResult } from "../load/load-run.ts";
import { ManagementWatch } from "../load/management-watch.ts";
import type { Effort } from "../options.ts";
import { CACHE, guestFile } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import { estimate, type Sample } from "../stats.ts";

/*
 * More than a cell can do. Its peak is measured first, with connections that send one request after another; then come
 * five times as many requests in a second, each at its own time, whatever became of those before. In turns, so that what
 * else runs on the machine slows both.
 */

/** How much more comes than can be done. */
const FACTOR = 5;
/** Enough for the cell never to wait for its client, and so few that none of them is refused. */
const PEAK_CONNECTIONS = 16;
const FLOOD_CONNECTIONS = 6000;
const WARM_UP_SECONDS = 2;
const MIB = 1024 * 1024;

const NAMES = Object.keys(IMAGES) as Image[];

/** The arms' names in samples and goals. */
export function overloadArms(image: Image): { peak: string; overload: string } {
  return { peak: `${image}, at its peak`, overload: `${image}, asked ${FACTOR} times as often` };
}

/** Measures goodput, memory and the management port under overload. */
export async function measureGoodput(effort: Effort): Promise<Findings> {
  const limits = { requestTimeoutSeconds: DEADLINE_SECONDS };
  const image = appManifest("image", guestFile("image-rust"), { spec: { limits } });
  const runtime = await serve([image], CACHE, ["--cells", "1"]);
  const generator = new LoadGenerator();
  try {
    return await measureRounds(runtime, generator, effort);
  } finally {
    await generator.stop();
    await runtime.remove();
  }
}

async function measureRounds(
  runtime: ServedRuntime,
  generator: LoadGenerator,
  { overloadRounds, overloadSeconds }: Effort,
): Promise<Findings> {
  const url = await runtime.urlOf("image");
  const pids = [runtime.pid, ...runtime.children()];
  const samples: Sample[] = [];
  const notes: string[] = [];
  const apply = (image: Image, load: Partial<Load>): Promise<{ result: LoadResult; cpuSeconds: number | null }> =>
    measured(pids, generator, {
      url: new URL(IMAGES[image], url).href,
      seconds: overloadSeconds,
      connections: PEAK_CONNECTIONS,
      deadlineMs: DEADLINE_SECONDS * 1000,
      ...load,
    });
  for (const image of NAMES) await apply(image, {});
  const beforeBytes = pids.map(peakResidentBytes);
  const watch = new ManagementWatch(runtime.managementUrl);
  for (const image of NAMES) {
    const arms = overloadArms(image);
    const overloads: LoadResult[] = [];
    for (let round = 0; round < overloadRounds; round++) {
      const peak = await apply(image, {});
      samples.push(sampleOf("overload", arms.peak, round, peak));
      const rate = (FACTOR * goodOf(peak.result)) / peak.result.seconds;
      const overload = await apply(image, { rate, connections: FLOOD_CONNECTIONS, warmUpSeconds: WARM_UP_SECONDS });
      samples.push(sampleOf("overload", arms.overload, round, overload));
      overloads.push(overload.result);
    }
    notes.push(describeOverload(arms.overload, overloads, samples));
  }
  await watch.stop();
  const grownMiB = pids.map((pid, index) => (peakResidentBytes(pid) - beforeBytes[index]!) / MIB);
  const [p50, p99] = [0.5, 0.99].map((p) => (percentile(watch.latenciesMicros, p) / 1000).toFixed(0));
  notes.push(
    `overload: most that was resident more than at the peak: supervisor ${grownMiB[0]?.toFixed(0)} MiB, cell ${grownMiB[1]?.toFixed(0)} MiB`,
    `overload: /healthz and /metrics answered ${watch.latenciesMicros.length} times, p50 ${p50} ms, p99 ${p99} ms, failed ${watch.failures} times`,
  );
  return {
    samples,
    notes,
    figures: { overloadGrownMiB: Math.max(...grownMiB), failedManagementRequests: watch.failures },
  };
}

function describeOverload(arm: string, results: readonly LoadResult[], samples: readonly Sample[]): string {
  const counts = Object.entries(sumCounts(results)).map(([outcome, count]) => `${count} × ${outcome}`);
  const good = estimate(samples.filter((sample) => sample.arm === arm).map((s) => s.requests / s.wallSeconds));
  const offered = estimate(results.map((result) => totalOf(result) / result.seconds));
  const client = estimate(results.map((result) => result.cpuSeconds / result.seconds));
  return `overload: ${arm}: ${offered.value.toFixed(0)} requests a second offered, ${good.value.toFixed(0)} answered in time; ${counts.join(", ")}; the client took ${client.value.toFixed(2)} of a CPU`;
}
