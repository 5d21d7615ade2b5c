import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pushWasm } from "../../oci/push.ts";
import { parseReference } from "../../oci/reference.ts";
import { readEndedChildrenCpuSeconds } from "../../startup/process-stats.ts";
import { makeTemporaryFolder } from "../../test/harness.ts";
import { withClient } from "../../test/oci/foreign-tools.ts";
import { startRealRegistry } from "../../test/oci/real-registry.ts";
import { dockerRegistry, goTool } from "../../test/oci/tools.ts";
import { LineChild } from "../line-child.ts";
import type { Effort } from "../options.ts";
import { REPOSITORY } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";
import type { Sample } from "../stats.ts";

/*
 * Pulls of an artifact of 100 MB out of Debian's registry on this machine, into a new folder each: ours, and those of oras
 * and crane, which take turns. The first round warms all of them up.
 */

const PROGRAM_BYTES = 100_000_000;
const MODULE_HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const CHILD = join(REPOSITORY, "bench", "pulls.ts");

const execute = promisify(execFile);

/** The arms' names in samples and goals. */
export const PULL_ARMS = { own: "wasmlet", oras: "oras pull", crane: "crane pull" } as const;

type Measured = Pick<Sample, "wallSeconds" | "cpuSeconds">;

/** Pulls into a folder. */
type Arm = [name: string, pull: (folder: string) => Promise<Measured>];

/** Measures pulls; peers that are missing are noted. */
export async function measurePull({ pullRounds }: Effort): Promise<Findings> {
  const tools = { registry: dockerRegistry(), oras: goTool("oras"), crane: goTool("crane") };
  const notes = Object.values(tools)
    .filter(({ path }) => path === undefined)
    .map(({ name, howToGet }) => `pull: without ${name}: ${howToGet}`);
  if (tools.registry.path === undefined) return { samples: [], notes };
  await using registry = await startRealRegistry();
  const image = `${registry.host}/large:1`;
  await pushLarge(image);
  const own = new LineChild(process.execPath, [CHILD]);
  const arms: Arm[] = [[PULL_ARMS.own, (folder) => pullWithOwn(own, folder, image)]];
  const { oras, crane } = tools;
  if (oras.path !== undefined) arms.push([PULL_ARMS.oras, pullWith(oras.path, (to) => orasArgs(image, to))]);
  if (crane.path !== undefined) arms.push([PULL_ARMS.crane, pullWith(crane.path, (to) => craneArgs(image, to))]);
  try {
    const samples: Sample[] = [];
    for (let round = -1; round < pullRounds; round++) {
      for (const arm of arms) samples.push(await measureArm(arm, round));
    }
    return { samples: samples.filter(({ round }) => round >= 0), notes };
  } finally {
    await own.stop();
  }
}

async function pushLarge(image: string): Promise<void> {
  const program = randomFillSync(Buffer.alloc(PROGRAM_BYTES));
  program.set(MODULE_HEAD);
  const details = { created: new Date(0), title: "large.wasm" };
  await withClient({}, (client) => pushWasm(client, parseReference(image), program, details));
}

async function measureArm([arm, pull]: Arm, round: number): Promise<Sample> {
  const folder = makeTemporaryFolder();
  try {
    const measured = await pull(folder.path);
    const latenciesMicros = [Math.round(measured.wallSeconds * 1e6)];
    return { scenario: "pull", arm, round, requests: 1, ...measured, loadAverage: loadavg()[0] ?? 0, latenciesMicros };
  } finally {
    folder.remove();
  }
}

async function pullWithOwn(child: LineChild, folder: string, image: string): Promise<Measured> {
  const { latenciesNanos, cpuNanos } = await child.measure(`${folder} ${image}`);
  return { wallSeconds: (latenciesNanos[0] ?? Number.NaN) / 1e9, cpuSeconds: cpuNanos / 1e9 };
}

function pullWith(tool: string, argsFor: (folder: string) => string[]): Arm[1] {
  return async (folder) => {
    const env = { ...process.env, HOME: folder, ORAS_CACHE: "" };
    const cpuBefore = readEndedChildrenCpuSeconds();
    const begin = performance.now();
    await execute(tool, argsFor(folder), { env });
    const wallSeconds = (performance.now() - begin) / 1000;
    const cpuAfter = readEndedChildrenCpuSeconds();
    return { wallSeconds, cpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore };
  };
}

function orasArgs(image: string, folder: string): string[] {
  return ["pull", "--plain-http", image, "-o", folder];
}

function craneArgs(image: string, folder: string): string[] {
  return ["pull", "--format", "oci", image, join(folder, "layout")];
}
