import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { writeErr } from "../../cli/output.ts";
import { canRun } from "./peer.ts";
import { EMBEDDING_SOURCES, EMBEDDING_TARGET } from "./wasmtime-embedding.ts";
import { WORKERD_DIRECTORY, WORKERD_PACKAGE } from "./workerd.ts";

/*
 * `npm run bench:peers` gets the peers that are no dependency, into .cache: workerd from npm, the Rust embedding of wasmtime
 * through cargo (ten minutes or more). The benchmark goes without those that are missing, and says so.
 */

mkdirSync(WORKERD_DIRECTORY, { recursive: true });
run("npm", ["install", "--prefix", WORKERD_DIRECTORY, "--no-save", "--no-audit", "--no-fund", WORKERD_PACKAGE]);
if (await canRun("cargo", ["--version"])) {
  run("cargo", ["build", "--release", "--locked", "--target-dir", EMBEDDING_TARGET], EMBEDDING_SOURCES);
} else {
  writeErr("no cargo on PATH: the Rust embedding of wasmtime is not built (https://rustup.rs)\n");
  process.exitCode = 1;
}

function run(command: string, args: readonly string[], cwd?: string): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...(cwd === undefined ? {} : { cwd }) });
  if (status === 0) return;
  writeErr(`${command} ${args.join(" ")}: ${error?.message ?? `ended with ${status}`}\n`);
  process.exitCode = 1;
}
