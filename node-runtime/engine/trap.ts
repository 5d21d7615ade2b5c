import { WasmletError, messageOf } from "../../common/errors.ts";

/** Returns the error of a start function that trapped while an instance was made. */
export function startTrapped(thrown: unknown): WasmletError {
  return new WasmletError("GUEST_START_TRAPPED", `the guest trapped while it was started: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
