import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { LineChild } from "../line-child.ts";
import type { Effort } from "../options.ts";
import { startEmbedding } from "../peers/wasmtime-embedding.ts";
import { guestFile } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * Wasmlet's engine and wasmtime, each alone in a process and without HTTP: pristine requests, the same with 1,000 apps
 * live (of wasmtime's, instances), and new bytes to the first answer. Both are warmed up by as many requests as a block has.
 */

/** The program that runs Wasmlet's engine. */
export const OWN_ENGINE = fileURLToPath(new URL("../in-process.ts", import.meta.url));
const SMALL = guestFile("hello-rust");
const NEW_GUESTS = ["hello-rust", "tour-go"] as const;
const LIVE = 1000;
const WARM_UP_BLOCKS = 3;

/** The engines' names in arms. */
export const ENGINE_ARMS = { own: "wasmlet", peer: "wasmtime embedded" } as const;

type Engines = readonly { name: string; child: LineChild }[];

/** Measures instantiate + handle + read the body + close, one request at a time. */
export function measurePristine(effort: Effort): Promise<Findings> {
  return withEngines((engines) => measurePristineBlocks("in-process pristine", engines, effort));
}

/** Measures the same beside 1,000 live apps, which have answered one request each. */
export function measurePristineLive(effort: Effort): Promise<Findings> {
  return withEngines(async (engines) => {
    for (const { child } of engines) await child.ask(`live ${LIVE}`);
    return measurePristineBlocks("in-process pristine, 1,000 live", engines, effort);
  });
}

/** Measures from core bytes that were never seen to the first answer. */
export function measureNewBytes({ newRounds }: Effort): Promise<Findings> {
  return withEngines(async (engines) => {
    const samples: Sample[] = [];
    for (let round = -1; round < newRounds; round++) {
      for (const guest of NEW_GUESTS) {
        for (const { name, child } of engines) {
          const sample = await measureBlock("new bytes", `${guest}, ${name}`, round, child, `new ${guestFile(guest)}`);
          if (round >= 0) samples.push(sample); // the first one loads the engine's own code
        }
      }
    }
    return samples;
  });
}

async function withEngines(measure: (engines: Engines) => Promise<Sample[]>): Promise<Findings> {
  const engines = [{ name: ENGINE_ARMS.own as string, child: new LineChild(process.execPath, [OWN_ENGINE, SMALL]) }];
  const notes: string[] = [];
  const embedding = startEmbedding(SMALL);
  if (embedding instanceof LineChild) engines.push({ name: ENGINE_ARMS.peer, child: embedding });
  else notes.push(`${ENGINE_ARMS.peer} is not measured: ${embedding.missing}`);
  try {
    return { samples: await measure(engines), notes };
  } finally {
    for (const { child } of engines) await child.stop();
  }
}

async function measurePristineBlocks(
  scenario: string,
  engines: Engines,
  { pristineRounds, pristineRequests }: Effort,
): Promise<Sample[]> {
  const command = `pristine ${pristineRequests}`;
  for (const { child } of engines) for (let block = 0; block < WARM_UP_BLOCKS; block++) await child.measure(command);
  const samples: Sample[] = [];
  for (let round = 0; round < pristineRounds; round++) {
    for (const { name, child } of engines) samples.push(await measureBlock(scenario, name, round, child, command));
  }
  return samples;
}

/** Has a child measure one block of an arm. */
export async function measureBlock(
  scenario: string,
  arm: string,
  round: number,
  child: LineChild,
  command: string,
): Promise<Sample> {
  const { latenciesNanos, cpuNanos } = await child.measure(command);
  return {
    scenario,
    arm,
    round,
    requests: latenciesNanos.length,
    wallSeconds: latenciesNanos.reduce((sum, nanos) => sum + nanos, 0) / 1e9,
    cpuSeconds: cpuNanos / 1e9,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros: latenciesNanos.map((nanos) => nanos / 1000),
  };
}
