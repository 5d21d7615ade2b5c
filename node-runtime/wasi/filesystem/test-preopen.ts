import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { WasiError } from "../errors.ts";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import type { ErrorCode } from "./error-code.ts";
import { createFilesystemImports, type Preopen } from "./imports.ts";
import type { OpenFlags } from "./types.ts";

/** Returns a new temporary folder of the test, removed when it ends. */
export function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "wasmlet-filesystem-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Creates a named pipe, which Node.js cannot. */
export function makePipe(path: string): void {
  const [command, ...args] = ["mkfifo", path] as const;
  execFileSync(command, args);
}

/** Returns descriptors of `preopens`, as a guest gets them. */
export function openPreopens(scope: Scope, preopens: readonly Preopen[]): Descriptor[] {
  onTestFinished(() => scope.close());
  const { getDirectories } = createFilesystemImports(scope, preopens)["wasi:filesystem/preopens"] as {
    getDirectories: () => Array<[Descriptor, string]>;
  };
  return getDirectories().map(([descriptor]) => descriptor);
}

/** Returns the descriptor of one preopen. */
export function openPreopen(hostPath: string, writable = true, scope: Scope = new Scope()): Descriptor {
  return openPreopens(scope, [{ guestPath: "/", hostPath, writable }])[0]!;
}

/** Opens a file below `directory` to be read and written, links followed. */
export function openFile(directory: Descriptor, path: string, open: OpenFlags = {}): Descriptor {
  return directory.openAt({ symlinkFollow: true }, path, open, { read: true, write: true });
}

/** Asserts that `operation` throws the WASI error `code`. */
export function expectCode(operation: () => unknown, code: ErrorCode): void {
  expect(codeOf(operation)).toBe(code);
}

/** Returns the WASI code that `operation` throws, or `done` when it throws none. */
export function codeOf(operation: () => unknown): unknown {
  try {
    operation();
    return "done";
  } catch (thrown) {
    if (thrown instanceof WasiError) return thrown.payload;
    throw thrown;
  }
}

/** Returns what this process has open in `folder`, by path. */
export function listOpenIn(folder: string): string[] {
  const targets = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor of this very listing
    }
  });
  return targets.filter((target) => target === folder || target.startsWith(`${folder}/`));
}
