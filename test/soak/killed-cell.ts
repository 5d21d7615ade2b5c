import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../served-runtime.ts";
import { inodesOf, readTcp } from "./tcp-table.ts";

const POLL_MS = 1;

/** A cell that was killed, and whose connections those were that ended with it. */
export interface KilledCell {
  pid: number;
  /** When it was stopped: from then on it accepted and answered nothing. */
  stoppedMs: number;
  /** When it was gone, and its connections with it. */
  goneMs: number;
  /** Clients' ports of connections that it had accepted. */
  accepted: ReadonlySet<number>;
  /** Clients' ports of connections to any cell's port that none had accepted. */
  queued: ReadonlySet<number>;
}

/**
 * Kills a cell. It is stopped first, so that the connections that it has are known and no other comes to it between looking
 * and killing.
 */
export async function killCell(pid: number, appPorts: ReadonlySet<number>): Promise<KilledCell> {
  const stoppedMs = performance.now();
  process.kill(pid, "SIGSTOP");
  while (isAlive(pid) && !isStopped(pid)) await delay(POLL_MS);
  const own = inodesOf(pid);
  const connections = readTcp().filter(({ state, localPort }) => state !== "listening" && appPorts.has(localPort));
  const portsOf = (isWanted: (inode: number) => boolean): Set<number> =>
    new Set(connections.filter(({ inode }) => isWanted(inode)).map(({ remotePort }) => remotePort));
  process.kill(pid, "SIGKILL");
  // Its sockets end with its last thread, when the process has long been a zombie.
  while (readTcp().some(({ inode }) => own.has(inode))) await delay(POLL_MS);
  return {
    pid,
    stoppedMs,
    goneMs: performance.now(),
    accepted: portsOf((inode) => own.has(inode)),
    // A socket that nobody has accepted belongs to no file.
    queued: portsOf((inode) => inode === 0),
  };
}

/** Whether all of a process's threads have stopped: a signal takes a moment to reach those that run (proc_pid_stat(5)). */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
    });
  } catch {
    return false; // a thread has ended
  }
}
