import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { WasmletError, messageOf, systemCodeOf } from "../common/errors.ts";

/** Comes with jco, in the version that jco is tested with. */
const COMPONENTIZE_PACKAGE = "@bytecodealliance/componentize-js";
const CACHE_FOLDER = fileURLToPath(new URL("../.cache/guests/", import.meta.url));
const WORKER = fileURLToPath(new URL("build-js-worker.ts", import.meta.url));
const WORLD = fileURLToPath(new URL("js-world.wit", import.meta.url));

/** Where a JavaScript guest was put, and whether it came from the cache. */
export interface JsGuest {
  file: string;
  reused: boolean;
}

/**
 * Makes the component of `sourceFile` (a script with a `fetch` listener) at `outFile`, unless one of the same source and
 * componentize-js was built before: then that is copied, and an equal `outFile` is left untouched. A build takes about
 * eight seconds in a child process. Throws GUEST_BUILD_FAILED.
 */
export async function buildJsGuest(sourceFile: string, outFile: string): Promise<JsGuest> {
  const cached = join(CACHE_FOLDER, `${basename(sourceFile, ".js")}-${await computeKey(sourceFile)}.wasm`);
  const reused = (await readIfThere(cached)) !== undefined;
  if (!reused) await putInPlace(cached, (temporary) => componentize(sourceFile, temporary));
  if (!(await sameContent(cached, outFile))) {
    await putInPlace(outFile, (temporary) => copyFile(cached, temporary, constants.COPYFILE_FICLONE));
  }
  return { file: outFile, reused };
}

async function computeKey(sourceFile: string): Promise<string> {
  const hash = createHash("sha256");
  // The source's name is baked into the component.
  hash.update(basename(sourceFile));
  for (const file of [sourceFile, WORLD, WORKER, locateComponentizePackage()]) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
}

function locateComponentizePackage(): string {
  const found = findPackageJSON(COMPONENTIZE_PACKAGE, import.meta.resolve("@bytecodealliance/jco"));
  if (found !== undefined) return found;
  throw new WasmletError("GUEST_BUILD_FAILED", "componentize-js is not installed");
}

async function componentize(sourceFile: string, outFile: string): Promise<void> {
  const child = spawn(process.execPath, ["--no-warnings", WORKER, basename(sourceFile), WORLD, outFile], {
    cwd: dirname(sourceFile),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? "" : `the build ended with ${signal ?? `code ${code}`}`),
    );
  });
  const [problem, out, err] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  if (problem !== "") throw new WasmletError("GUEST_BUILD_FAILED", `${problem}: ${out}${err}`, { where: sourceFile });
}

/** Lets `write` fill a temporary file beside `file` and renames it, so that no reader sees half a guest. */
async function putInPlace(file: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await write(temporary);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function sameContent(one: string, other: string): Promise<boolean> {
  const [left, right] = await Promise.all([readIfThere(one), readIfThere(other)]);
  return left !== undefined && right !== undefined && left.equals(right);
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
