import { fileURLToPath } from "node:url";
import { CHECK_LOOPS } from "../check-loops.ts";
import { LineChild } from "../line-child.ts";
import type { Effort } from "../options.ts";
import type { Findings } from "../scenario.ts";
import { cpuPerRequest, type Estimate, pairedRatio, type Sample } from "../stats.ts";
import { measureBlock } from "./in-process.ts";

/*
 * What the checks that stop a runaway cost where they cost most: loops that do little else, with and without them. V8
 * has optimised both versions before the first round.
 */

const CHILD = fileURLToPath(new URL("../check-cost.ts", import.meta.url));
const VERSIONS = ["original", "checked"] as const;
const WARM_UP_ROUNDS = 4;

const CHECKED_LOOPS: readonly string[] = Object.keys(CHECK_LOOPS);

/** The name of a loop's arm in samples and goals. */
export function checkArm(loop: string, version: (typeof VERSIONS)[number]): string {
  return `${loop}, ${version}`;
}

/** Measures calls of each loop, the two versions in turns. */
export async function measureChecks({ checkRounds }: Effort): Promise<Findings> {
  const child = new LineChild(process.execPath, [CHILD]);
  const samples: Sample[] = [];
  try {
    for (let round = -WARM_UP_ROUNDS; round < checkRounds; round++) {
      for (const loop of CHECKED_LOOPS) {
        for (const version of VERSIONS) {
          const arm = checkArm(loop, version);
          const sample = await measureBlock("epoch checks", arm, round, child, `${version} ${loop}`);
          if (round >= 0) samples.push(sample);
        }
      }
    }
  } finally {
    await child.stop();
  }
  return { samples, notes: [`epoch checks: ${checkCosts(samples).map(describe).join(", ")}`] };
}

/** Returns by how much checks lengthen each loop, in CPU time: another program that takes the CPU away changes nothing. */
export function checkCosts(samples: readonly Sample[]): { loop: string; cost: Estimate }[] {
  return CHECKED_LOOPS.map((loop) => {
    const [checked, original] = [checkArm(loop, "checked"), checkArm(loop, "original")];
    return { loop, cost: pairedRatio(samples, checked, original, cpuPerRequest) };
  });
}

function describe({ loop, cost }: { loop: string; cost: Estimate }): string {
  return `${loop} ${cost.value.toFixed(2)}x`;
}
