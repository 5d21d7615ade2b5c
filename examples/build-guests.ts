import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { messageOf } from "../common/errors.ts";
import { buildJsGuest } from "./build-js.ts";
import { GUESTS, type Guest, JS_GUEST, REPOSITORY } from "./guest-catalog.ts";
import { computeLockEntry, findStaleGuests, type GuestLock, readLock, writeLock } from "./guest-lock.ts";
import { buildGuest, findMissingTool } from "./guest-toolchains.ts";

const LOCK_FILE = join(REPOSITORY, "examples/guests.lock.json");

const EXAMPLES = `
Examples:
  npm run guests                          build all guests with the toolchains that are there
  npm run guests -- hello-rust probe      build these two
  npm run guests -- --check               say which committed guests are stale; needs no toolchain`;

await new Command("npm run guests --")
  .description("Build the guests of examples/ and test/guests/, and keep examples/guests.lock.json.")
  .argument("[names...]", `which to build: ${[...GUESTS, JS_GUEST].map(({ name }) => name).join(", ")}`)
  .option("--check", "only say which committed guests are stale; exit 1 if there is one")
  .addHelpText("after", EXAMPLES)
  .action((names: string[], options: { check?: true }) => (options.check ? check() : build(names)))
  .parseAsync();

async function check(): Promise<void> {
  const stale = await findStaleGuests(REPOSITORY, GUESTS, await readLock(LOCK_FILE));
  for (const sentence of stale) print(sentence);
  print(stale.length === 0 ? `${GUESTS.length} committed guests are up to date` : "run: npm run guests");
  if (stale.length > 0) process.exitCode = 1;
}

async function build(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => name !== JS_GUEST.name && !GUESTS.some((guest) => guest.name === name));
  for (const name of unknown) fail(`${name}: no such guest`);
  const chosen = (name: string): boolean => names.length === 0 || names.includes(name);
  const lock = await readLock(LOCK_FILE);
  for (const guest of GUESTS.filter(({ name }) => chosen(name))) await rebuild(guest, lock);
  await writeLock(LOCK_FILE, lock);
  if (chosen(JS_GUEST.name)) await rebuildJs();
}

async function rebuild(guest: Guest, lock: GuestLock): Promise<void> {
  const missing = await findMissingTool(guest.recipe);
  if (missing !== undefined) {
    print(`${guest.name}: skipped, ${missing}`);
    return;
  }
  try {
    const builtWith = await buildGuest(guest);
    // Compilers disagree on whether a module is an executable.
    await chmod(join(REPOSITORY, guest.wasm), 0o644);
    const entry = await computeLockEntry(REPOSITORY, guest, builtWith);
    print(`${guest.name}: ${entry.wasm === lock[guest.name]?.wasm ? "unchanged" : "rebuilt"}`);
    lock[guest.name] = entry;
  } catch (error) {
    fail(`${guest.name}: ${messageOf(error)}`);
  }
}

async function rebuildJs(): Promise<void> {
  try {
    const { reused } = await buildJsGuest(join(REPOSITORY, JS_GUEST.source), join(REPOSITORY, JS_GUEST.wasm));
    print(`${JS_GUEST.name}: ${reused ? "unchanged" : "rebuilt"}`);
  } catch (error) {
    fail(`${JS_GUEST.name}: ${messageOf(error)}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(line: string): void {
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
