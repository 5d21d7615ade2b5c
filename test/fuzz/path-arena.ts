import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../common/errors.ts";

/*
 * Where guests and a racer meet. Guests have `root` as a writable volume; nothing else here may be read or changed by them:
 *
 *   arena/
 *     root/       a … e: directories, files, links, and what the racer puts there
 *     canary/     secret, link, folder/secret, only-outside: what an escape would find
 *     attic/      where the racer moves directories that guests may be walking through; `bait` lies there
 *     pool/       pipes and devices, which the racer moves into `root`
 */

/** The names that guests and racer use in each directory. */
export const NAMES = ["a", "b", "c", "d", "e"] as const;
/** What the canary file holds, as often as its size says. */
export const SECRET = "outside";
/** A size that no guest's file has. */
export const SECRET_BYTES = SECRET.length * 10_007;
/** What guests look for. */
export const SECRET_NAME = "secret";
export const SECRET_TARGET = "secret-target";
/** A name that nobody gives to anything inside. */
export const OUTSIDE_NAME = "only-outside";
/** Devices and pipes at a time. */
const POOL_SIZE = 16;

/** Makes the arena in an empty folder. Devices are made where the system allows it. */
export function makeArena(arena: string): void {
  for (const folder of ["root", "canary/folder", "attic", "pool"]) mkdirSync(join(arena, folder), { recursive: true });
  for (const file of [`canary/${SECRET_NAME}`, `canary/folder/${SECRET_NAME}`, "attic/bait"]) {
    writeFileSync(join(arena, file), SECRET.repeat(SECRET_BYTES / SECRET.length));
  }
  for (const folder of ["canary", "canary/folder"]) mkdirSync(join(arena, folder, OUTSIDE_NAME));
  symlinkSync(SECRET_TARGET, join(arena, "canary/link"));
}

/** Makes what is in the root anew, and fills the pool. Nobody may be at work in the arena. */
export function refill(arena: string): void {
  const root = join(arena, "root");
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true, force: true });
  for (const name of readdirSync(join(arena, "attic"))) {
    if (name !== "bait") rmSync(join(arena, "attic", name), { recursive: true, force: true });
  }
  for (const first of ["a", "b"]) {
    for (const second of NAMES) mkdirSync(join(root, first, second, "c"), { recursive: true });
  }
  writeFileSync(join(root, "c"), "inside");
  for (let index = readdirSync(join(arena, "pool")).length; index < POOL_SIZE; index++) makeSpecial(arena, index);
}

function makeSpecial(arena: string, index: number): void {
  const path = join(arena, "pool", String(Date.now() + index));
  try {
    if (index % 2 === 1) return run("mknod", path, "c", "1", "5"); // /dev/zero: reading it never ends
  } catch {
    // Not permitted, but to root.
  }
  run("mkfifo", path);
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: "ignore" });
}

/** Moves one thing of the pool to a path; does nothing when there is none. */
export function takeSpecial(arena: string, path: string): void {
  const [first] = readdirSync(join(arena, "pool"));
  if (first !== undefined) renameSync(join(arena, "pool", first), path);
}

/** Returns all that would show that somebody got out: names, contents and what a change leaves on files and folders. */
export function lookOutside(arena: string): Record<string, string> {
  const view: Record<string, string> = { arena: readdirSync(arena).join(" ") };
  const visit = (path: string): void => {
    const stats = lstatSync(join(arena, path), { bigint: true });
    const { mode, nlink, ino, size, mtimeNs, ctimeNs } = stats;
    view[path] = [mode, nlink, ino, size, mtimeNs, ctimeNs].join(" ");
    if (stats.isSymbolicLink()) view[path] += ` ${readlinkSync(join(arena, path))}`;
    else if (path.endsWith(SECRET_NAME) || path.endsWith("bait")) view[path] += ` ${checkSecret(join(arena, path))}`;
    else if (stats.isDirectory()) for (const name of readdirSync(join(arena, path))) visit(`${path}/${name}`);
  };
  visit("canary");
  visit("attic/bait");
  return view;
}

function checkSecret(file: string): string {
  try {
    return readFileSync(file, "utf8") === SECRET.repeat(SECRET_BYTES / SECRET.length) ? "whole" : "changed";
  } catch (thrown) {
    return messageOf(thrown); // it is another kind of thing now
  }
}
