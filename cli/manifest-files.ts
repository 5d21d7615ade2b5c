import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WasmletError } from "../common/errors.ts";

const MANIFEST = /\.ya?ml$/;
/** Folders of the programs, not of their manifests: the node runtime does not look there either. */
const SKIPPED = new Set(["node_modules", "target", "guest"]);
const MAX_DEPTH = 4;
const STDIN = 0;

/** A manifest's text and the name by which problems call it. */
export interface ManifestFile {
  file: string;
  text: string;
}

/**
 * Reads manifests: files as they are named, folders with every `.yaml` below them as the node runtime does, `-` for
 * standard input. Throws CLI_FILE_UNREADABLE.
 */
export function readManifestFiles(paths: readonly string[]): ManifestFile[] {
  return paths.flatMap((path) => {
    if (path === "-") return [{ file: "<stdin>", text: readText(STDIN, "<stdin>") }];
    const files: string[] = [];
    listManifests(path, 0, files);
    if (files.length > 0) return files.map((file) => ({ file, text: readText(file, file) }));
    const expected = "a folder with .yaml files";
    throw new WasmletError("CLI_FILE_UNREADABLE", "the folder has no manifests", { where: path, expected });
  });
}

function listManifests(path: string, depth: number, files: string[]): void {
  let names: string[];
  try {
    if (!statSync(path).isDirectory()) {
      files.push(path);
      return;
    }
    names = readdirSync(path).sort();
  } catch (cause) {
    throw unreadable(path, cause);
  }
  for (const name of names) {
    if (name.startsWith(".") || SKIPPED.has(name)) continue;
    const child = join(path, name);
    const isFolder = statSync(child, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isFolder ? depth < MAX_DEPTH : MANIFEST.test(name)) listManifests(child, depth + 1, files);
  }
}

function readText(source: string | number, name: string): string {
  try {
    return readFileSync(source, "utf8");
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(where: string, cause: unknown): WasmletError {
  return new WasmletError("CLI_FILE_UNREADABLE", `cannot be read: ${messageOf(cause)}`, { where, cause });
}
