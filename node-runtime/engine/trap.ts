import { WasmletError, messageOf } from "../../common/errors.ts";

/** Returns the error of a start function that trapped while an instance was made; what has a code keeps it. */
export function startTrapped(thrown: unknown): WasmletError {
  if (thrown instanceof WasmletError) return thrown;
  return new WasmletError("GUEST_START_TRAPPED", `the guest trapped while it was started: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
