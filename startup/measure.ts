import { cpus, loadavg } from "node:os";
import { messageOf } from "../common/errors.ts";
import { Unavailable, type Contender, type Driver, type Sizes } from "./driver.ts";
import { Probe } from "./probe.ts";
import { compareReach, type Reach } from "./reach.ts";
import { compareSpeed, type Speed } from "./speed.ts";
import { openTechnology, StartupContext, type StartupSettings } from "./technologies.ts";

/** One start of one contender: the raw material of every number that is told. */
export interface StartSample {
  contender: string;
  round: number;
  /** From the request for the start to the first answer. */
  seconds: number;
  /** What they are made of, in order. */
  phases: Readonly<Record<string, number>>;
  memoryBytes: number | null;
  /** What the probe's own part was just before. */
  probeSeconds: number;
  /** The machine's one-minute load average when it was started. */
  loadAverage: number;
}

/** Everything that one comparison found. */
export interface Comparison {
  startedAt: string;
  machine: { cpus: number; cpu: string; platform: string; node: string };
  contenders: (Contender & Sizes)[];
  samples: StartSample[];
  /** What could not be started, and why: it is left out. */
  missing: { contender: string; why: string }[];
  /** CPU time of a computation; empty where it was not asked for. */
  speed: Speed[];
  /** What programs could reach; empty where it was not asked for. */
  reach: Reach[];
}

export interface MeasureOptions extends StartupSettings {
  technologies: readonly string[];
  /** Starts of each contender. */
  samples: number;
  /** Whether speed and reach are compared too. */
  isWhole: boolean;
  /** Told what is done now, and which part of all has been done. */
  onProgress: (step: string, share: number) => void;
  /** Told what was found so far, once all that take part are known and after each start. */
  onFound?: (found: Comparison) => void;
  signal?: AbortSignal;
}

/**
 * Starts each contender again and again, in turns, so that whatever else the machine does hits all alike. One that fails is
 * left out from then on, and the others go on. The first round warms all up and does not count.
 */
export async function compareStarts(options: MeasureOptions): Promise<Comparison> {
  const found: Comparison = {
    startedAt: new Date().toISOString(),
    machine: machineOf(),
    contenders: [],
    samples: [],
    missing: [],
    speed: [],
    reach: [],
  };
  const drivers: Driver[] = [];
  await using context = new StartupContext(options);
  await using probe = await Probe.start();
  try {
    await openAll(drivers, context, options, found);
    options.onFound?.(found);
    await takeTurns(drivers, probe, options, found);
    if (options.isWhole) {
      options.onProgress("comparing speed", 1);
      const fast = ["process", "wasm-new"].flatMap((name) =>
        drivers.filter(({ contender }) => contender.name === name),
      );
      found.speed = fast.length === 2 ? await compareSpeed(fast, probe) : [];
      options.onProgress("comparing isolation", 1);
      found.reach = await compareReach(
        drivers.filter(({ contender }) => contender.name !== "wasm-artifact"),
        probe,
      );
    }
    return found;
  } finally {
    // One that fails to clean up keeps none of the others from it.
    await Promise.allSettled(drivers.map((driver) => driver[Symbol.asyncDispose]()));
  }
}

async function openAll(
  drivers: Driver[],
  context: StartupContext,
  { technologies, onProgress, signal }: MeasureOptions,
  { contenders, missing }: Comparison,
): Promise<void> {
  for (const name of technologies) {
    signal?.throwIfAborted();
    onProgress(`getting ${name} ready`, 0);
    try {
      const driver = await openTechnology(name, context);
      drivers.push(driver);
      contenders.push({ ...driver.contender, ...(await driver.sizes()) });
    } catch (thrown) {
      missing.push({
        contender: name,
        why: thrown instanceof Unavailable ? thrown.message : `it did not start: ${messageOf(thrown)}`,
      });
    }
  }
}

async function takeTurns(
  drivers: Driver[],
  probe: Probe,
  { samples: rounds, onProgress, onFound, signal }: MeasureOptions,
  found: Comparison,
): Promise<void> {
  for (let round = 0; round <= rounds; round++) {
    for (const driver of drivers.slice()) {
      signal?.throwIfAborted();
      const { name } = driver.contender;
      onProgress(`round ${round} of ${rounds}: ${name}`, round / (rounds + 1));
      try {
        const sample = await takeSample(driver, round, probe);
        if (round > 0) found.samples.push(sample);
        if (round > 0) onFound?.(found);
      } catch (thrown) {
        found.missing.push({ contender: name, why: `start ${round} failed: ${messageOf(thrown)}` });
        // What is left out is so everywhere: neither tables nor the plot have a part of it.
        found.samples = found.samples.filter(({ contender }) => contender !== name);
        found.contenders = found.contenders.filter((contender) => contender.name !== name);
        drivers.splice(drivers.indexOf(driver), 1);
        await Promise.allSettled([driver[Symbol.asyncDispose]()]);
      }
    }
  }
}

async function takeSample(driver: Driver, round: number, probe: Probe): Promise<StartSample> {
  const loadAverage = loadavg()[0] ?? 0;
  const running = await driver.start(probe);
  const { ownSeconds: probeSeconds } = probe;
  try {
    const { phases } = running;
    const seconds = Object.values(phases).reduce((sum, phase) => sum + phase, 0);
    const memoryBytes = await running.memoryBytes();
    return { contender: driver.contender.name, round, seconds, phases, memoryBytes, probeSeconds, loadAverage };
  } finally {
    await running.stop();
  }
}

function machineOf(): Comparison["machine"] {
  const all = cpus();
  const platform = `${process.platform} ${process.arch}`;
  return { cpus: all.length, cpu: all[0]?.model ?? "unknown", platform, node: process.versions.node };
}
