import { fork, type ChildProcess, type StdioOptions } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** Entry points of the processes that a supervisor starts. */
export const CELL_MAIN = fileURLToPath(new URL("../cell/main.ts", import.meta.url));
export const PREPARER_MAIN = fileURLToPath(new URL("../prepare/main.ts", import.meta.url));

/**
 * Starts one of our own entry points as a child with an empty environment, no inherited Node options and a bounded
 * heap. `stdout` and `stderr` are not the supervisor's unless asked for.
 */
export function startChild(main: string, options: { maxHeapMb: number; stdio?: "inherit" }): ChildProcess {
  const stdio: StdioOptions =
    options.stdio === "inherit" ? ["inherit", "inherit", "inherit", "ipc"] : ["ignore", "ignore", "pipe", "ipc"];
  return fork(main, [], {
    env: {},
    execArgv: [`--max-old-space-size=${options.maxHeapMb}`, "--disable-warning=ExperimentalWarning"],
    stdio,
    serialization: "advanced",
  });
}

/** Returns how a child ended, for people. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `was ended by ${signal} (${constants.signals[signal]})`;
}
