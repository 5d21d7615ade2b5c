import { spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Effort } from "../options.ts";
import { readEndedChildrenCpuSeconds } from "../../startup/process-stats.ts";
import { CACHE, REPOSITORY } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * From `npm run demo` to the table that says that every app has answered, with prepared artifacts in the cache; npm's own
 * start is in it. Beside it, what starting Node.js alone takes. CPU time is that of all their processes, to the end.
 */

/** The arms' names in samples and goals. */
export const DEMO_ARMS = { demo: "npm run demo", node: "node -e 0" } as const;

const DEMO = ["run", "--silent", "demo", "--", "--exit-when-ready", "--cache-dir", join(CACHE, "demo")];

/** Measures starts of the demo: one sample per arm and round, after one that fills the cache. */
export async function measureDemo({ demoRounds }: Effort): Promise<Findings> {
  await timeOutput("npm", DEMO);
  const samples: Sample[] = [];
  for (let round = 0; round < demoRounds; round++) {
    samples.push(await measureStart(DEMO_ARMS.node, process.execPath, ["-e", "console.log()"], round));
    samples.push(await measureStart(DEMO_ARMS.demo, "npm", DEMO, round));
  }
  return { samples, notes: [] };
}

async function measureStart(arm: string, command: string, args: string[], round: number): Promise<Sample> {
  const cpuBefore = readEndedChildrenCpuSeconds();
  const seconds = await timeOutput(command, args);
  const cpuAfter = readEndedChildrenCpuSeconds();
  return {
    scenario: "demo",
    arm,
    round,
    requests: 1,
    wallSeconds: seconds,
    cpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: [Math.round(seconds * 1e6)],
  };
}

/** Resolves to the seconds until the first output, which the demo prints when all is ready; rejects unless it ends with 0. */
async function timeOutput(command: string, args: string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(command, args, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe"] });
  let seconds: number | undefined;
  let errors = "";
  child.stdout.on("data", () => (seconds ??= (performance.now() - begin) / 1000));
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 || seconds === undefined) throw new Error(`${command} ended with ${code}: ${errors.slice(-2000)}`);
  return seconds;
}
