import { lstat, readFile, readlink } from "node:fs/promises";
import { posix } from "node:path";
import { neededLibraries } from "./elf.ts";

/** Where the dynamic linker looks. */
const LIBRARY = /^(usr\/)?lib\/x86_64-linux-gnu\/[^/]+\.so(\.[^/]+)?$/;

/**
 * Returns the paths of files that others need to work: those asked for, what links among them lead to, and the libraries
 * that they are linked against. `files` says where each path of the image lies. Throws where one is missing.
 */
export async function closeOver(wanted: readonly string[], files: ReadonlyMap<string, string>): Promise<Set<string>> {
  const libraries = new Map(
    [...files.keys()].filter((path) => LIBRARY.test(path)).map((path) => [posix.basename(path), path]),
  );
  const found = new Set<string>();
  const open = wanted.map((path) => ({ path, neededBy: "the image" }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, neededBy } = next;
    if (found.has(path)) continue;
    const file = files.get(path);
    if (file === undefined) throw new Error(`expected ${path}, which ${neededBy} needs, in one of Debian's packages`);
    found.add(path);
    for (const needed of await needsOf(path, file)) {
      open.push({ path: needed.includes("/") ? needed : (libraries.get(needed) ?? needed), neededBy: path });
    }
  }
  return found;
}

/** Returns paths, and names of libraries. */
async function needsOf(path: string, file: string): Promise<string[]> {
  if (!(await lstat(file)).isSymbolicLink()) return neededLibraries(await readFile(file));
  const target = posix.resolve("/", posix.dirname(path), await readlink(file));
  return [target.slice(1)];
}
