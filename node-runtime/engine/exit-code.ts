import { GuestExit } from "../wasi/errors.ts";

/** Runs a command's entry point: its exit code, be it returned or thrown by an exit call; a trap is thrown on. */
export async function exitCodeOf(run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof GuestExit) return thrown.code;
    throw thrown;
  }
}
