import { readFileSync } from "node:fs";
import { messageOf, WasmletError } from "../common/errors.ts";
import { listManifests } from "../node-runtime/manifest-folder.ts";

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
    const files = list(path);
    if (files.length > 0) return files.map((file) => ({ file, text: readText(file, file) }));
    const expected = "a folder with .yaml files";
    throw new WasmletError("CLI_FILE_UNREADABLE", "the folder has no manifests", { where: path, expected });
  });
}

function list(path: string): string[] {
  try {
    return listManifests(path);
  } catch (cause) {
    throw unreadable(path, cause);
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
