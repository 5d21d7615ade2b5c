import { cpus } from "node:os";
import { messageOf } from "../common/errors.ts";
import { attemptFor } from "./attempt.ts";
import { Unavailable, type Contender, type Driver, type Sizes } from "./driver.ts";
import { Probe } from "./probe.ts";
import { compareReach, type Reach } from "./reach.ts";
import { compareSpeed, type Speed } from "./speed.ts";
import { openTechnology, StartupContext, type StartupSettings } from "./technologies.ts";
import { takeTurns, type StartSample } from "./turns.ts";

/** What is left out of a comparison, and why. */
export interface Missing {
  contender: string;
  /** What of the comparison it is not in; all of it unless given. */
  part?: "speed" | "isolation" | "sizes";
  why: string;
}

/** Everything that one comparison found. */
export interface Comparison {
  startedAt: string;
  machine: { cpus: number; cpu: string; platform: string; node: string };
  contenders: (Contender & Sizes)[];
  samples: StartSample[];
  missing: Missing[];
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
}

/**
 * Starts each contender again and again, in turns, so that whatever else the machine does hits all alike. One that fails is
 * left out from then on, and the others go on. The first round warms all up and does not count. Throws the signal's reason
 * once it is aborted; everything that was started is gone then.
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
    await tellSizes(drivers, context.signal, found);
    options.onFound?.(found);
    await takeTurns(drivers, probe, { ...options, signal: context.signal }, found);
    if (options.isWhole) await compareMore(drivers, probe, options, context.signal, found);
    return found;
  } finally {
    // One that fails to clean up keeps none of the others from it.
    await Promise.allSettled(drivers.map((driver) => driver[Symbol.asyncDispose]()));
  }
}

async function openAll(
  drivers: Driver[],
  context: StartupContext,
  { technologies, onProgress }: MeasureOptions,
  { missing }: Comparison,
): Promise<void> {
  for (const name of technologies) {
    context.signal.throwIfAborted();
    onProgress(`getting ${name} ready`, 0);
    try {
      drivers.push(await openTechnology(name, context));
    } catch (thrown) {
      context.signal.throwIfAborted();
      missing.push({
        contender: name,
        why: thrown instanceof Unavailable ? thrown.message : `it did not start: ${messageOf(thrown)}`,
      });
    }
  }
}

/** Compares speed and isolation. */
async function compareMore(
  drivers: readonly Driver[],
  probe: Probe,
  { onProgress }: MeasureOptions,
  signal: AbortSignal,
  found: Comparison,
): Promise<void> {
  onProgress("comparing speed", 1);
  const fast = ["process", "wasm-new"].flatMap((name) => drivers.filter(({ contender }) => contender.name === name));
  if (fast.length === 2) {
    found.speed = await compareSpeed(fast, probe, attemptFor("speed", found.missing, signal), signal);
  }
  onProgress("comparing isolation", 1);
  // A new artifact reaches what one does that was there before.
  const others = drivers.filter(({ contender }) => contender.name !== "wasm-artifact");
  found.reach = await compareReach(others, probe, attemptFor("isolation", found.missing, signal), signal);
}

async function tellSizes(drivers: readonly Driver[], signal: AbortSignal, found: Comparison): Promise<void> {
  const attempt = attemptFor("sizes", found.missing, signal);
  const unknown = { pullBytes: null, diskBytes: null };
  for (const driver of drivers) {
    const { contender } = driver;
    const sizes = await attempt(contender.name, () => driver.sizes());
    found.contenders.push({ ...contender, ...(sizes ?? unknown) });
  }
}

/** Returns what this machine is. */
export function machineOf(): Comparison["machine"] {
  const all = cpus();
  const platform = `${process.platform} ${process.arch}`;
  return { cpus: all.length, cpu: all[0]?.model ?? "unknown", platform, node: process.versions.node };
}
