import { messageOf } from "../../common/errors.ts";
import { BASE_SCENARIOS } from "./base-scenarios.ts";
import { explorePlaces, exploreSeed, type Finding } from "./explore.ts";
import { HELP, readTask, type Task } from "./options.ts";
import { Random } from "./random.ts";
import { simulate, type RunOptions } from "./simulation.ts";

/* Runs the simulator by hand; `--help` says how. */

const EXIT_USAGE = 2;

const task = wantedTask();
if (task?.kind === "help") process.stdout.write(HELP);
else if (task?.kind === "replay") await replay(task.run);
else if (task?.kind === "places") await goThroughPlaces();
else if (task !== undefined) await goThroughSeeds(task.first, performance.now() + task.minutes * 60_000);

function wantedTask(): Task | undefined {
  try {
    return readTask(process.argv.slice(2), Date.now());
  } catch (thrown) {
    process.stderr.write(`error: ${messageOf(thrown)}\nSee --help.\n`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}

async function replay(run: RunOptions): Promise<void> {
  const { violations, summary, log } = await simulate(run);
  print([...log, ...summary, violations.length === 0 ? "every rule holds" : violations.join("\n")].join("\n"));
  process.exitCode = violations.length === 0 ? 0 : 1;
}

async function goThroughSeeds(first: number, untilMs: number): Promise<void> {
  const beganMs = performance.now();
  let seed = first;
  for (; performance.now() < untilMs; seed++) report(await exploreSeed(seed));
  const seconds = (performance.now() - beganMs) / 1000;
  print(`seeds ${first} to ${seed - 1}: ${((seed - first) / seconds).toFixed(1)} per second`);
}

async function goThroughPlaces(): Promise<void> {
  for (const [name, scenario] of Object.entries(BASE_SCENARIOS)) {
    let count = 0;
    for await (const finding of explorePlaces(name, scenario, new Random(1))) {
      count++;
      report(finding);
    }
    print(`${name}: ${count} places`);
  }
}

function report(finding: Finding | undefined): void {
  if (finding === undefined) return;
  print(`${finding.violations.slice(0, 3).join("\n")}\n    ${finding.replay}`);
  process.exitCode = 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
