import { fork, type ChildProcess, type StdioOptions } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { childLauncher, hardeningOptions, offerToOomKiller, type FileAccess } from "./child-hardening.ts";

/** Entry points of the processes that a supervisor starts. */
export const CELL_MAIN = fileURLToPath(new URL("../cell/main.ts", import.meta.url));
export const PREPARER_MAIN = fileURLToPath(new URL("../prepare/main.ts", import.meta.url));

const children = new Set<ChildProcess>();
const COMPILE_CACHE = fileURLToPath(new URL("../../.cache/compiled", import.meta.url));

/** How much sooner than its supervisor the kernel takes a child when memory runs out, of 1000. */
const OOM_SCORE = 100;

/** How a child is started. */
interface ChildOptions {
  maxHeapMb: number;
  stdio?: "inherit";
  args?: string[];
  pipes?: number;
  /** The files that it needs, where that is known before it starts; a child without them may connect and listen. */
  files?: FileAccess;
}

/**
 * Starts one of our own entry points as a child with no inherited environment or Node options, a bounded heap and as
 * little as the system lets it be given. `stdout` and `stderr` are not the supervisor's unless asked for; `pipes` lie behind
 * the channel, from 4 on.
 */
export function startChild(main: string, options: ChildOptions): ChildProcess {
  const { args = [], pipes = 0 } = options;
  const standard: StdioOptions =
    options.stdio === "inherit" ? ["inherit", "inherit", "inherit"] : ["ignore", "ignore", "pipe"];
  const stdio = [...standard, "ipc", ...Array.from({ length: pipes }, () => "pipe")] as StdioOptions;
  const node = [
    `--max-old-space-size=${options.maxHeapMb}`,
    "--disable-warning=ExperimentalWarning",
    ...hardeningOptions(options.files && withCompileCache(options.files)),
  ];
  const [program, ...words] = [...childLauncher().words, process.execPath];
  const child = fork(main, args, {
    // The one variable: without it each child strips the types of its sources anew, which costs more than all the rest.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
    execPath: program,
    execArgv: [...words, ...node],
    stdio,
    serialization: "advanced",
  });
  if (child.pid !== undefined) offerToOomKiller(child.pid, OOM_SCORE);
  // A cell that computes does not notice that its supervisor is gone: whatever way this process ends, its children do.
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

function withCompileCache({ read, write }: FileAccess): FileAccess {
  return { read: [...read, COMPILE_CACHE], write: [...write, COMPILE_CACHE] };
}

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Returns how a child ended, for people. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `was ended by ${signal} (${constants.signals[signal]})`;
}
