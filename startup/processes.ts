import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "./driver.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;
const MAX_SAID = 4000;

/** Returns the path of a program; throws Unavailable with how to get it where PATH has none. */
export function findProgram(name: string, howToGet: string, searchPath: string): string {
  const file = searchProgram(name, searchPath);
  if (file === undefined) throw new Unavailable(`${name} is not on PATH: ${howToGet}`);
  return file;
}

/** True where PATH has a program. */
export function hasProgram(name: string, searchPath: string): boolean {
  return searchProgram(name, searchPath) !== undefined;
}

function searchProgram(name: string, searchPath: string): string | undefined {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Throws Unavailable unless this process is root's on Linux. */
export function requireRoot(what: string): void {
  if (process.platform !== "linux") throw new Unavailable(`${what} needs Linux`);
  if (process.getuid?.() !== 0) throw new Unavailable(`${what} needs root`);
}

/** Runs a program to its end and returns what it printed; throws its last words where it fails. */
export async function runToEnd(file: string, args: readonly string[], timeoutMs = TIMEOUT_MS): Promise<string> {
  try {
    const { stdout } = await run(file, args, { timeout: timeoutMs });
    return stdout;
  } catch (thrown) {
    const { stderr = "", message } = thrown as { stderr?: string; message: string };
    throw new Error(`${file} ${args[0]}: ${stderr.trim().split("\n").at(-1) || message}`, { cause: thrown });
  }
}

/** Runs a program to its end and throws its last words where it fails. What it starts may go on with its streams. */
export async function runDetached(file: string, args: readonly string[]): Promise<void> {
  // Not of the terminal's group: Ctrl-C would end it half-way through.
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"], detached: true, timeout: TIMEOUT_MS });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < MAX_SAID) said += String(chunk);
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${said.trim()}`);
}

/** Ends a child at once and waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
