import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/*
 * What a child process gives up before its first line runs. Two layers: what Node.js itself refuses it, which holds for
 * JavaScript, and what the kernel does, which holds for machine code too. docs/security.md says what that stops.
 */

/** Files that a child may touch through Node's own functions; folders with all that is in them. */
export interface FileAccess {
  read: readonly string[];
  write: readonly string[];
}

/** A program that gives something up for good and then becomes the one that its arguments name. */
export interface Launcher {
  /** The words before the program; empty where there is nothing to give up or nothing to do it with. */
  words: readonly string[];
  /** What holds for the children because of it, or because it held before, for people. */
  inEffect: readonly string[];
}

/** Capabilities that a root's children keep: its files and its ports below 1024 go on working. Others start with none. */
const LESS_CAPABLE = ["--bounding-set=-all,+dac_override,+fowner,+net_bind_service", "--inh-caps=-all"];

/** Of util-linux, named in full: children get no PATH. */
const SETPRIV = "/usr/bin/setpriv";
const PRLIMIT = "/usr/bin/prlimit";

const SOURCE_FOLDERS = ["common", "crds", "node-runtime", "node_modules", "oci", "package.json"];

/**
 * Never of use to a child: an inspector, which SIGUSR1 would open; native modules; a prototype that is changed through
 * `__proto__`. Refusing code from strings as well would make V8 throw its compiled code away: a third of a start.
 */
const ALWAYS = ["--disable-sigusr1", "--no-addons", "--disable-proto=throw"];

/**
 * Returns Node's options for a child: no child processes, no native code, no inspector and no WASI of Node's. Threads it
 * may start until it gives that up: each kind of child starts one as it loads. A cell, which has no `files`, may also
 * connect, listen, and open all that its user may: symbolic links, which guests make, are allowed everywhere or nowhere.
 */
export function hardeningOptions(files?: FileAccess): string[] {
  const { read, write } = files === undefined ? EVERYTHING : { ...files, read: [...SOURCES, ...files.read] };
  return [
    ...ALWAYS,
    "--permission",
    "--allow-worker",
    // Warns that a thread might do what its process may not: threads inherit what is refused.
    "--disable-warning=PERM0006",
    ...(files === undefined ? ["--allow-net"] : []),
    ...read.map((path) => `--allow-fs-read=${path}`),
    ...write.map((path) => `--allow-fs-write=${path}`),
  ];
}

const EVERYTHING: FileAccess = { read: ["*"], write: ["*"] };

/** Where a child's own sources lie, also where a folder is a link. */
const SOURCES = SOURCE_FOLDERS.map((name) => fileURLToPath(new URL(`../../${name}`, import.meta.url))).flatMap((path) =>
  existsSync(path) ? [path, realpathSync(path)] : [],
);

let launcher: Launcher | undefined;

/** Returns what starts children with less than this process has; looked for once. */
export function childLauncher(): Launcher {
  return (launcher ??= findLauncher(readFileQuietly("/proc/self/status"), works));
}

/** Returns the launcher for a process of this `/proc/self/status`; `works` tells whether a command can be run. */
export function findLauncher(status: string, works: (words: readonly string[]) => boolean): Launcher {
  const words: string[] = [];
  const inEffect: string[] = [];
  const isBare = !/^CapEff:\s*0*[1-9a-f]/m.test(status);
  if (/^NoNewPrivs:\s*1$/m.test(status) && isBare) inEffect.push("no_new_privs");
  else {
    const onlyNew = [SETPRIV, "--no-new-privs"];
    const less = [...onlyNew, ...LESS_CAPABLE];
    // Who has no capabilities has none to give up.
    const drop = (isBare ? [onlyNew] : [less, onlyNew]).find((words) => works(words));
    words.push(...(drop ?? []));
    if (drop !== undefined) inEffect.push("no_new_privs");
    if (drop === less) inEffect.push("few capabilities");
  }
  const noCore = [PRLIMIT, "--core=0:0"];
  if (works(noCore)) {
    words.push(...noCore);
    inEffect.push("no core dumps");
  }
  return { words, inEffect };
}

function works(words: readonly string[]): boolean {
  const [program = "", ...args] = words;
  return spawnSync(program, [...args, program, "--version"], { env: {}, stdio: "ignore" }).status === 0;
}

/**
 * Has the kernel take this process before its supervisor when memory runs out. What cannot be told, on a system
 * without `/proc`, stays as it is.
 */
export function offerToOomKiller(pid: number, more: number): void {
  const file = `/proc/${pid}/oom_score_adj`;
  const current = Number(readFileQuietly(file));
  try {
    writeFileSync(file, String(Math.min(1000, current + more)));
  } catch {
    // Gone already, or another system.
  }
}

function readFileQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
