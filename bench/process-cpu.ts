import { readdirSync, readFileSync } from "node:fs";

/*
 * CPU time of other processes, from Linux's /proc. schedstat counts nanoseconds, by thread; stat counts ticks of 10 ms, but
 * also knows what ended children used. Other systems have neither: the CPU columns stay empty there.
 */

const TICK_SECONDS = 0.01;

/** Returns the seconds of CPU time that the processes have used, or null where that is unknown. */
export function readCpuSeconds(pids: readonly number[]): number | null {
  let seconds = 0;
  for (const pid of pids) {
    const used = readThreadSeconds(pid) ?? readTickSeconds(pid);
    if (used === undefined) return null;
    seconds += used;
  }
  return pids.length === 0 ? null : seconds;
}

function readThreadSeconds(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const files = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"));
    return files.reduce((sum, text) => sum + Number(text.split(" ")[0]), 0) / 1e9;
  } catch {
    return undefined; // the kernel keeps no such statistics
  }
}

/** User and system time: fields 14 and 15 of proc_pid_stat(5); the first one of readStatFields is field 3. */
function readTickSeconds(pid: number): number | undefined {
  const fields = readStatFields(String(pid));
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS;
}

/** Returns the seconds of CPU time of this process's ended children and theirs, in ticks of 10 ms, or null. */
export function readEndedChildrenCpuSeconds(): number | null {
  const fields = readStatFields("self");
  // cutime and cstime, fields 16 and 17.
  return fields === undefined ? null : (Number(fields[13]) + Number(fields[14])) * TICK_SECONDS;
}

/** Returns a process and all that descend from it; itself alone where there is no /proc. */
export function findTree(root: number): number[] {
  const tree = [root];
  try {
    const parents = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ pid: Number(name), parent: Number(readStatFields(name)?.[1]) }));
    for (const known of tree) {
      for (const { pid, parent } of parents) if (parent === known) tree.push(pid);
    }
  } catch {
    // no /proc: the CPU columns stay empty
  }
  return tree;
}

/** Returns the bytes of memory that a process has resident, or null where the system does not tell. */
export function readResidentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** Returns the processes that this one started and whose command line contains `text`; none where there is no /proc. */
export function findChildren(text: string): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && isOwnChild(name) && commandLineOf(name).includes(text))
      .map(Number);
  } catch {
    return [];
  }
}

function isOwnChild(pid: string): boolean {
  return Number(readStatFields(pid)?.[1]) === process.pid;
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}

/** The fields after the command's name, which may contain spaces and parentheses itself. */
function readStatFields(pid: string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
