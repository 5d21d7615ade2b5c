import { execFile } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { promisify } from "node:util";
import { formatSeconds } from "../../cli/output.ts";
import { messageOf } from "../../common/errors.ts";
import {
  BINARIES,
  binaryPath,
  binFolder,
  buildArguments,
  missingBinaries,
  moduleFolder,
  PAUSE_SOURCE,
  PROGRAMS_OF_LEVEL,
  readGoMod,
  type Binary,
} from "./binaries.ts";
import { ClusterError } from "./errors.ts";
import { needs, type Need } from "./requirements.ts";

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** Says how a long work gets on, a line at a time. */
export type Progress = (line: string) => void;

/** Builds what is not there yet, one program after another: each takes all processors. Throws CLUSTER_BUILD_FAILED. */
export async function buildBinaries(
  names: readonly string[] = PROGRAMS_OF_LEVEL.full,
  progress: Progress = () => {},
): Promise<void> {
  const missing = missingBinaries(names);
  if (missing.length === 0) return;
  needs(...needsOf(missing));
  mkdirSync(binFolder(), { recursive: true });
  for (const [index, name] of missing.entries()) {
    progress(`building ${name} (${index + 1} of ${missing.length})`);
    const begin = performance.now();
    await build(name);
    progress(`built ${name} in ${formatSeconds((performance.now() - begin) / 1000)}`);
  }
}

function needsOf(names: readonly string[]): Need[] {
  return names.includes("runc") || names.includes("pause") ? ["go", "gcc", "seccomp"] : ["go"];
}

async function build(name: string): Promise<void> {
  // Beside its place, then renamed: a build that is cut off leaves no half program, and two builds do not meet.
  const output = `${binaryPath(name)}.${process.pid}.tmp`;
  const binary = BINARIES.find((known) => known.name === name);
  try {
    await (binary === undefined ? buildPause(output) : buildFromGo(binary, output));
  } catch (thrown) {
    const { stderr = "" } = thrown as { stderr?: string };
    const message = `${name} could not be built: ${stderr.trim() || messageOf(thrown)}`;
    throw new ClusterError("CLUSTER_BUILD_FAILED", message, "See the compiler's message above.", thrown);
  }
  renameSync(output, binaryPath(name));
}

async function buildFromGo(binary: Binary, output: string): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: binary.usesC ? "1" : "0", GOWORK: "off" };
  const args = ["-n", "5", "go", ...buildArguments(binary, readGoMod(binary), output)];
  await run("nice", args, { cwd: moduleFolder(binary.group), env, maxBuffer: MAX_OUTPUT_BYTES });
}

async function buildPause(output: string): Promise<void> {
  await run("gcc", ["-Os", "-static", "-s", "-o", output, PAUSE_SOURCE]);
}
