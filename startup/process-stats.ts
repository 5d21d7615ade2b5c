import { readdirSync, readFileSync } from "node:fs";

/*
 * CPU time of other processes, from Linux's /proc. A thread's schedstat counts nanoseconds, and is gone with its thread; a
 * process's stat counts ticks of 10 ms, and keeps what ended threads used. Other systems have neither: the CPU columns stay
 * empty there.
 */

const TICK_SECONDS = 0.01;
/** User and system time are rounded to ticks, each by itself. */
const TICKS_TOLERANCE_SECONDS = 2 * TICK_SECONDS;

/** What processes had used at one moment; undefined for one whose use is unknown. */
export type CpuReading = readonly (ProcessReading | undefined)[];

interface ProcessReading {
  ticks: number;
  /** Nanoseconds by thread; empty where the kernel keeps no such statistics. */
  threads: ReadonlyMap<string, number>;
}

/** Reads what the processes have used so far, all their threads included. */
export function readCpu(pids: readonly number[]): CpuReading {
  return pids.map(readProcess);
}

/** Returns the seconds of CPU time that processes have used so far, or null where that is unknown. */
export function readCpuSeconds(pids: readonly number[]): number | null {
  const nothing = pids.map((): ProcessReading => ({ ticks: 0, threads: new Map() }));
  return cpuSecondsBetween(nothing, readCpu(pids));
}

/** Returns the seconds of CPU time between two readings of the same processes, or null where that is unknown. */
export function cpuSecondsBetween(before: CpuReading, after: CpuReading): number | null {
  let seconds = 0;
  for (const [index, end] of after.entries()) {
    const begin = before[index];
    if (begin === undefined || end === undefined) return null;
    seconds += processSecondsBetween(begin, end);
  }
  return after.length === 0 ? null : seconds;
}

/** The threads' count is the finer one; it holds where the ticks confirm that no thread that ended is missing in it. */
function processSecondsBetween(before: ProcessReading, after: ProcessReading): number {
  const ofTicks = (after.ticks - before.ticks) * TICK_SECONDS;
  let nanos = 0;
  for (const [thread, used] of after.threads) nanos += used - (before.threads.get(thread) ?? 0);
  return Math.abs(nanos / 1e9 - ofTicks) <= TICKS_TOLERANCE_SECONDS ? nanos / 1e9 : ofTicks;
}

/** User and system time are fields 14 and 15 of proc_pid_stat(5); the first one of readStatFields is field 3. */
function readProcess(pid: number): ProcessReading | undefined {
  const fields = readStatFields(String(pid));
  if (fields === undefined) return undefined;
  return { ticks: Number(fields[11]) + Number(fields[12]), threads: readThreads(pid) };
}

function readThreads(pid: number): Map<string, number> {
  try {
    const folder = `/proc/${pid}/task`;
    const used = (thread: string): number =>
      Number(readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ", 1)[0]);
    return new Map(readdirSync(folder).map((thread) => [thread, used(thread)]));
  } catch {
    return new Map(); // the kernel keeps no such statistics, or a thread ended just now
  }
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

/** Returns the bytes of memory that are a process's own, with its share of what several have; null where the system does not tell. */
export function readProportionalBytes(pid: number): number | null {
  try {
    const kib = /^Pss:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
