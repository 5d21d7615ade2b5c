import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Folders below the one named that are read. */
const MAX_DEPTH = 4;
/** Manifests of one folder that are read. */
const MAX_FILES = 20_000;
const MANIFEST = /\.ya?ml$/;
/** Folders of the programs, not of their manifests. */
const SKIPPED: ReadonlySet<string> = new Set(["node_modules", "target", "guest"]);

/**
 * Returns the manifests below a folder in order, at most 20,000, or the path itself when it is a file, whatever its name.
 * Links are followed: a mounted ConfigMap is made of them. Throws Node's error when something cannot be read.
 */
export function listManifests(path: string): string[] {
  const files: string[] = [];
  if (statSync(path).isDirectory()) collect(path, 0, files);
  else files.push(path);
  return files.sort();
}

function collect(folder: string, depth: number, files: string[]): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(".") || SKIPPED.has(name)) continue;
    if (files.length >= MAX_FILES) return;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false }); // none: a broken link, or gone meanwhile
    if (stats?.isDirectory() === true && depth < MAX_DEPTH) collect(path, depth + 1, files);
    else if (stats?.isFile() === true && MANIFEST.test(name)) files.push(path);
  }
}
