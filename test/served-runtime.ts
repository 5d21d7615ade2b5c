import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { AppView } from "../node-runtime/runtime-api.ts";
import { get, makeTemporaryFolder, repositoryFile, type Manifest } from "./harness.ts";

/*
 * A node runtime as its users start it: `wasmlet serve` in a process of its own, seen through its log, its management
 * port and /proc. For what the runtime inside the test's own process (harness.ts) cannot show: signals, exit codes,
 * the memory of the supervisor, and that it does not die.
 */

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A line of `wasmlet serve -o json`. */
export type LogRecord = Record<string, unknown> & { level: string; msg: string };

/** A started `wasmlet serve`. */
export interface ServedRuntime {
  readonly pid: number;
  readonly folder: string;
  readonly managementUrl: string;
  /** Lines of the log so far, without what guests printed. */
  readonly log: LogRecord[];
  readonly exited: Promise<Exit>;
  /** What came on standard error, once the process is gone. */
  readonly stderr: Promise<string>;
  write(file: string, ...manifests: Manifest[]): void;
  /** Resolves with the first line of the log, past or to come, that `isWanted`. Rejects when the process ends first. */
  untilLogged(isWanted: (record: LogRecord) => boolean): Promise<LogRecord>;
  /** Resolves to an app's URL once it is ready. */
  urlOf(name: string): Promise<string>;
  apps(): Promise<AppView[]>;
  /** Returns the process ids of its children: cells and preparers. */
  children(): number[];
  signal(signal: NodeJS.Signals): void;
  /** Kills it when it still runs, waits for its end and removes its folder. */
  remove(): Promise<void>;
}

/** Starts the command line as a user does, in a process of its own with an environment that holds nothing else than what is named. */
export function spawnWasmlet(
  args: string[],
  cacheDirectory: string,
  user: { uid?: number; gid?: number } = {},
  variables: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [repositoryFile("cli/wasmlet.mjs"), ...args], {
    ...user,
    env: { WASMLET_CACHE: cacheDirectory, PATH: process.env["PATH"], ...variables },
  });
}

/** Starts `wasmlet serve` over a temporary folder of manifests; resolves once it says that it serves. No cell stands by, unless asked for. */
export async function serve(
  manifests: Manifest[],
  cacheDirectory: string,
  args: string[] = [],
): Promise<ServedRuntime> {
  const folder = makeTemporaryFolder();
  const write = (file: string, ...documents: Manifest[]): void =>
    writeFileSync(join(folder.path, file), documents.map((document) => `--- ${JSON.stringify(document)}\n`).join(""));
  write("apps.yaml", ...manifests);
  const child = spawnWasmlet(
    ["serve", folder.path, "-o", "json", "--port-base", "0", "--management-port", "0", "--spare-cells", "0", ...args],
    cacheDirectory,
  );
  const exited = new Promise<Exit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const stderr = text(child.stderr!);
  const log = new Log(child, stderr);
  const untilLogged: ServedRuntime["untilLogged"] = (isWanted) => log.until(isWanted);
  const { management } = await untilLogged(({ msg }) => msg === "serving");
  const managementUrl = String(management);
  return {
    pid: child.pid!,
    folder: folder.path,
    managementUrl,
    log: log.records,
    exited,
    stderr,
    write,
    untilLogged,
    urlOf: async (name) => {
      const ready = await untilLogged(({ msg, url }) => msg === `default/${name} is Ready` && url !== undefined);
      return String(ready["url"]);
    },
    apps: async () => (JSON.parse((await get(`${managementUrl}/v1/apps`)).body) as { apps: AppView[] }).apps,
    children: () => childrenOf(child.pid!),
    signal: (signal) => void child.kill(signal),
    remove: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder.path, { recursive: true, force: true });
    },
  };
}

/** Gathers the lines of a log as they come. */
class Log {
  readonly records: LogRecord[] = [];
  readonly #stderr: Promise<string>;
  #watchers: { isWanted: (record: LogRecord) => boolean; found: (record: LogRecord) => void }[] = [];
  readonly #ended: Promise<void>;

  constructor(child: ChildProcess, stderr: Promise<string>) {
    this.#stderr = stderr;
    const lines = createInterface({ input: child.stdout! });
    this.#ended = new Promise((resolve) => lines.once("close", resolve));
    lines.on("line", (line) => this.#note(JSON.parse(line) as LogRecord));
  }

  until(isWanted: (record: LogRecord) => boolean): Promise<LogRecord> {
    const past = this.records.find(isWanted);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      this.#watchers.push({ isWanted, found: resolve });
      void this.#ended.then(async () => reject(new Error(`wasmlet serve ended: ${await this.#stderr}`)));
    });
  }

  #note(record: LogRecord): void {
    if (record["stream"] !== undefined) return; // a guest's line
    this.records.push(record);
    this.#watchers = this.#watchers.filter(({ isWanted, found }) => {
      if (!isWanted(record)) return true;
      found(record);
      return false;
    });
  }
}

/** Returns the process ids of a process's children, from /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

/** Returns whether a process is there and no zombie. */
export function isAlive(pid: number): boolean {
  const state = statOf(String(pid))?.[0];
  return state !== undefined && state !== "Z";
}

/** Returns the largest resident memory that a process ever had, in bytes. */
export function peakResidentBytes(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(peak?.[1]) * 1024;
}

function parentOf(pid: string): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Fields of /proc/PID/stat from the state on: the name before it may hold spaces and parentheses (proc_pid_stat(5)). */
function statOf(pid: string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // it ended
  }
}
