/**
 * `guests.lock.json` says for each committed guest which source made which `.wasm`, so that a stale one is found without
 * any toolchain: `{ "hello-rust": { "source": "<sha256>", "wasm": "<sha256>", "builtWith": "rustc 1.95.0" } }`.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { systemCodeOf } from "../common/errors.ts";
import type { Guest } from "./guest-catalog.ts";

/** What the lock keeps of one guest; `builtWith` is for people. */
export interface LockEntry {
  source: string;
  wasm: string;
  builtWith: string;
}

/** Lock entries by the guests' names. */
export type GuestLock = Record<string, LockEntry>;

/** The lock at `file`; empty where there is none. */
export async function readLock(file: string): Promise<GuestLock> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as GuestLock;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return {};
    throw error;
  }
}

/** Writes the lock, sorted by name. */
export async function writeLock(file: string, lock: GuestLock): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(lock).sort(([one], [other]) => (one < other ? -1 : 1)));
  await writeFile(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** The entry that `guest` should have as it now lies on disk below `root`. */
export async function computeLockEntry(root: string, guest: Guest, builtWith: string): Promise<LockEntry> {
  const [source, wasm] = await Promise.all([hashFolder(join(root, guest.source)), hashFile(join(root, guest.wasm))]);
  return { source, wasm, builtWith };
}

/** One sentence for each guest whose `.wasm` is not the one its source makes, going by the lock. */
export async function findStaleGuests(root: string, guests: readonly Guest[], lock: GuestLock): Promise<string[]> {
  const verdicts = await Promise.all(guests.map((guest) => judgeGuest(root, guest, lock[guest.name])));
  return verdicts.filter((verdict) => verdict !== undefined);
}

async function judgeGuest(root: string, guest: Guest, locked: LockEntry | undefined): Promise<string | undefined> {
  if (locked === undefined) return `${guest.name}: was never built into the lock`;
  try {
    const now = await computeLockEntry(root, guest, locked.builtWith);
    if (now.source !== locked.source) return `${guest.name}: ${guest.source} changed since ${guest.wasm} was built`;
    if (now.wasm !== locked.wasm) return `${guest.name}: ${guest.wasm} is not the one that was built from its source`;
    return undefined;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return `${guest.name}: ${guest.source} or ${guest.wasm} is missing`;
    throw error;
  }
}

async function hashFile(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** Depends on the files' relative names and contents, not on the machine's order or separators. */
async function hashFolder(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of await listSources(folder)) hash.update(`${name}\n${await hashFile(join(folder, name))}\n`);
  return hash.digest("hex");
}

async function listSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => !name.startsWith("target/"))
    .sort();
}
