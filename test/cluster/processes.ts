import { execFile, spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../common/errors.ts";
import { childrenOf, isAlive } from "../served-runtime.ts";
import { ClusterError } from "./errors.ts";

/*
 * Daemons outlive the process that starts them, so each carries the folder of its cluster in its environment: they are found
 * by it whatever was recorded, and nothing else can be mistaken for one.
 */

const MARK = "WASMLET_TEST_CLUSTER";
const POLL_MS = 50;
const LAST_LINES = 15;
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** A daemon as it was started. */
export interface Daemon {
  name: string;
  pid: number;
  /** Rejects with CLUSTER_DAEMON_ENDED when it ends. */
  ended: Promise<never>;
}

/** What a command printed. */
export interface Output {
  stdout: string;
  stderr: string;
}

/** How to run a command. */
export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** What it reads from its standard input. */
  input?: string;
  timeoutMs?: number;
}

/** Runs a command to its end. Throws CLUSTER_COMMAND_FAILED with what it printed. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const { env = process.env, input = "", timeoutMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const settings = { env, timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve({ stdout, stderr });
      const line = [command.slice(command.lastIndexOf("/") + 1), ...args].join(" ");
      const text = `${line}: ${stderr.trim() || messageOf(error)}`;
      reject(new ClusterError("CLUSTER_COMMAND_FAILED", text, "See what the command says.", { ...error, stdout }));
    });
    child.stdin?.on("error", () => {}); // it ended without reading
    child.stdin?.end(input);
  });
}

/** Starts a daemon of the cluster in `folder`; what it prints goes to logs/NAME.log there. */
export function startDaemon(folder: string, name: string, command: string, args: readonly string[]): Daemon {
  const log = logFile(folder, name);
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, "a");
  const child = spawn(command, args, {
    detached: true,
    cwd: "/",
    stdio: ["ignore", output, output],
    env: { ...process.env, [MARK]: folder, NOTIFY_SOCKET: undefined },
  });
  closeSync(output);
  const ended = endOf(child, folder, name);
  ended.catch(() => {}); // of interest only to who waits for it
  child.unref();
  return { name, pid: child.pid ?? -1, ended };
}

/** Waits until `isReady`, while none of the daemons ends. Throws CLUSTER_TIMEOUT, and CLUSTER_DAEMON_ENDED. */
export async function waitFor(
  what: string,
  isReady: () => boolean | Promise<boolean>,
  { daemons = [], timeoutMs = 60_000 }: { daemons?: readonly Daemon[]; timeoutMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const ends = daemons.map(({ ended }) => ended);
  while (!(await Promise.race([isReady(), ...ends]))) {
    if (performance.now() > deadline) {
      const message = `${what}: not within ${timeoutMs / 1000} s`;
      throw new ClusterError("CLUSTER_TIMEOUT", message, "See the logs in the cluster's folder, and try again.");
    }
    await delay(POLL_MS);
  }
}

/** Ends a process and its children at once, as `nsenter` and its program; resolves when they are gone. */
export async function endProcess(pid: number): Promise<void> {
  const pids = [...childrenOf(pid), pid];
  pids.forEach(kill);
  await waitFor(`the end of process ${pid}`, () => !pids.some(isAlive), { timeoutMs: 10_000 });
}

/** Ends every process of the cluster in `folder`; resolves when they are gone. */
export async function endProcessesOf(folder: string): Promise<void> {
  const allGone = (): boolean => {
    const pids = processesOf(folder);
    pids.forEach(kill);
    return pids.length === 0;
  };
  await waitFor("the end of the cluster's processes", allGone, { timeoutMs: 30_000 });
}

/** Returns the ids of the processes that carry the mark of the cluster in `folder`. */
export function processesOf(folder: string): number[] {
  const mark = `\0${MARK}=${folder}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark))
    .map(Number)
    .filter(isAlive);
}

/** Returns the file of a daemon's log. */
export function logFile(folder: string, name: string): string {
  return join(folder, "logs", `${name}.log`);
}

async function endOf(child: ChildProcess, folder: string, name: string): Promise<never> {
  const why = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`exit ${code ?? signal}`));
  });
  const lines = lastLines(logFile(folder, name));
  const message = `${name} ended (${why}):\n${lines}`;
  throw new ClusterError("CLUSTER_DAEMON_ENDED", message, "See its last lines above.");
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  } catch {
    return ""; // nothing was printed
  }
}

function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`;
  } catch {
    return ""; // it ended, or it is another user's
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended meanwhile
  }
}
