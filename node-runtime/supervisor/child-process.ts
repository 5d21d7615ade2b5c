import { fork, type ChildProcess, type StdioOptions } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** Entry points of the processes that a supervisor starts. */
export const CELL_MAIN = fileURLToPath(new URL("../cell/main.ts", import.meta.url));
export const PREPARER_MAIN = fileURLToPath(new URL("../prepare/main.ts", import.meta.url));

const children = new Set<ChildProcess>();
const COMPILE_CACHE = fileURLToPath(new URL("../../.cache/compiled", import.meta.url));

/**
 * Starts one of our own entry points as a child with no inherited environment or Node options and a bounded
 * heap. `stdout` and `stderr` are not the supervisor's unless asked for; `pipes` lie behind the channel, from 4 on.
 */
export function startChild(
  main: string,
  options: { maxHeapMb: number; stdio?: "inherit"; args?: string[]; pipes?: number },
): ChildProcess {
  const { args = [], pipes = 0 } = options;
  const standard: StdioOptions =
    options.stdio === "inherit" ? ["inherit", "inherit", "inherit"] : ["ignore", "ignore", "pipe"];
  const stdio = [...standard, "ipc", ...Array.from({ length: pipes }, () => "pipe")] as StdioOptions;
  const child = fork(main, args, {
    // The one variable: without it each child strips the types of its sources anew, which costs more than all the rest.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
    execArgv: [`--max-old-space-size=${options.maxHeapMb}`, "--disable-warning=ExperimentalWarning"],
    stdio,
    serialization: "advanced",
  });
  // A cell that computes does not notice that its supervisor is gone: whatever way this process ends, its children do.
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Returns how a child ended, for people. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `was ended by ${signal} (${constants.signals[signal]})`;
}
