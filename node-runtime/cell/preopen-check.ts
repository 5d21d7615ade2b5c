import { accessSync, constants, statSync } from "node:fs";
import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Preopen } from "../wasi/filesystem/imports.ts";

/** Throws APP_FOLDER_MISSING for the first folder that a guest could not use: it would learn so only at its first file. */
export function checkPreopens(preopens: readonly Preopen[]): void {
  for (const { guestPath, hostPath, writable } of preopens) {
    const problem = problemOf(hostPath, writable);
    if (problem === undefined) continue;
    throw new WasmletError(
      "APP_FOLDER_MISSING",
      `the folder ${hostPath}, which the guest sees as ${guestPath}, ${problem}`,
      { where: hostPath, expected: writable ? "a folder that can be read and written" : "a folder that can be read" },
    );
  }
}

function problemOf(hostPath: string, writable: boolean): string | undefined {
  try {
    if (!statSync(hostPath).isDirectory()) return "is no folder";
    accessSync(hostPath, constants.R_OK | constants.X_OK | (writable ? constants.W_OK : 0));
    return undefined;
  } catch (thrown) {
    return `cannot be opened: ${messageOf(thrown)}`;
  }
}
