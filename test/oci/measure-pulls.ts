import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { ArtifactStore } from "../../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../../node-runtime/artifacts/oci-artifacts.ts";
import { pushWasm } from "../../oci/push.ts";
import { parseReference } from "../../oci/reference.ts";
import { makeTemporaryFolder } from "../harness.ts";
import { withClient } from "./foreign-tools.ts";
import { startRealRegistry } from "./real-registry.ts";
import { dockerRegistry, goTool } from "./tools.ts";

/*
 * `node test/oci/measure-pulls.ts [ROUNDS]` compares pulls of a program of 100 MB from this machine, ours and those of
 * oras, which take turns. Ours brings the program to the disk, as a store has to; oras leaves it to the system.
 */

const PROGRAM_BYTES = 100_000_000;
const rounds = Number(process.argv[2] ?? 15);

const missing = [dockerRegistry(), goTool("oras")].find(({ path }) => path === undefined);
if (missing === undefined) await measure();
else process.stderr.write(`${missing.name} is needed: ${missing.howToGet}\n`);

async function measure(): Promise<void> {
  await using registry = await startRealRegistry();
  const image = `${registry.host}/large:1`;
  const program = randomFillSync(Buffer.alloc(PROGRAM_BYTES));
  program.set([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const details = { created: new Date(0), title: "large.wasm" };
  await withClient({}, (client) => pushWasm(client, parseReference(image), program, details));
  const ours: number[] = [];
  const theirs: number[] = [];
  // The first round warms both up.
  for (let round = 0; round <= rounds; round++) {
    const own = await timeIn((folder) =>
      withArtifacts(new ArtifactStore(folder), {}, (artifacts) => artifacts.obtain({ image })),
    );
    const other = await timeIn((folder) => pullWithOras(image, folder));
    if (round === 0) continue;
    ours.push(own);
    theirs.push(other);
  }
  report(ours, theirs);
}

function pullWithOras(image: string, folder: string): void {
  const env = { ...process.env, HOME: folder, ORAS_CACHE: "" };
  execFileSync(goTool("oras").path ?? "", ["pull", "--plain-http", image, "-o", folder], { stdio: "ignore", env });
}

/** Returns the milliseconds that something takes in a folder of its own. */
async function timeIn(work: (folder: string) => unknown): Promise<number> {
  const folder = makeTemporaryFolder();
  const beganMs = performance.now();
  await work(folder.path);
  const tookMs = performance.now() - beganMs;
  folder.remove();
  return tookMs;
}

function report(ours: number[], theirs: number[]): void {
  const ratios = ours.map((own, round) => (theirs[round] ?? Number.NaN) / own);
  process.stdout.write(`wasmlet: ${describe(ours, 0)} ms\noras:    ${describe(theirs, 0)} ms\n`);
  process.stdout.write(`throughput / oras, within rounds: ${describe(ratios, 2)}\n`);
}

/** The median, and the middle half. */
function describe(values: number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((p) => sorted[Math.floor(p * sorted.length)]?.toFixed(digits));
  return `${middle} (${low} to ${high})`;
}
