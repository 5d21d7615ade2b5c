import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { messageOf, WasmletError } from "../common/errors.ts";
import { listManifests } from "../node-runtime/manifest-folder.ts";

/** A manifest's text and the name by which problems call it. */
export interface ManifestFile {
  file: string;
  text: string;
}

/**
 * Reads manifests: files as they are named, folders with every `.yaml` below them as the node runtime does, `-` for
 * standard input, awaited to its end. Rejects with CLI_FILE_UNREADABLE.
 */
export async function readManifestFiles(
  paths: readonly string[],
  stdin: NodeJS.ReadableStream = process.stdin,
): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const path of paths) files.push(...(path === "-" ? [await readStdin(stdin)] : readPath(path)));
  return files;
}

/** Not by its descriptor: there is nothing to read yet while what writes it is slow. */
async function readStdin(stdin: NodeJS.ReadableStream): Promise<ManifestFile> {
  try {
    return { file: "<stdin>", text: await text(stdin) };
  } catch (cause) {
    throw unreadable("<stdin>", cause);
  }
}

function readPath(path: string): ManifestFile[] {
  const files = list(path);
  if (files.length > 0) return files.map((file) => ({ file, text: readText(file) }));
  const expected = "a folder with .yaml files";
  throw new WasmletError("CLI_FILE_UNREADABLE", "the folder has no manifests", { where: path, expected });
}

function list(path: string): string[] {
  try {
    return listManifests(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(where: string, cause: unknown): WasmletError {
  return new WasmletError("CLI_FILE_UNREADABLE", `cannot be read: ${messageOf(cause)}`, { where, cause });
}
