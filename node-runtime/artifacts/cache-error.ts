import { messageOf, WasmletError } from "../../common/errors.ts";

/** Returns what a failure of the system at the store's files is: RUNTIME_CACHE, whose cause may pass, as a full disk does. */
export function cacheError(problem: string, where: string, cause: unknown): WasmletError {
  return new WasmletError("RUNTIME_CACHE", `${problem}: ${messageOf(cause)}`, {
    where,
    expected: "a folder with room that can be written",
    cause,
  });
}

/** True for what a call of the system failed of, as opposed to what is wrong with the bytes that it was to write. */
export function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).syscall !== undefined;
}
