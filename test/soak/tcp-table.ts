import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One row of /proc/net/tcp (proc_net_tcp.rst of the kernel's documentation). */
export interface TcpRow {
  localPort: number;
  remotePort: number;
  state: "listening" | "other";
  /** 0 for a connection that no process has accepted yet. */
  inode: number;
}

const LISTEN = "0A";

/** Returns this network's TCP sockets over IPv4. */
export function readTcp(): TcpRow[] {
  return parseTcp(readFileSync("/proc/net/tcp", "utf8"));
}

/** Reads the text of /proc/net/tcp. */
export function parseTcp(text: string): TcpRow[] {
  return text
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [, local = "", remote = "", state, , , , , , inode] = line.trim().split(/\s+/);
      return {
        localPort: portOf(local),
        remotePort: portOf(remote),
        state: state === LISTEN ? "listening" : "other",
        inode: Number(inode),
      };
    });
}

/** Returns the inodes of the sockets that a process has open. */
export function inodesOf(pid: number): Set<number> {
  const inodes = new Set<number>();
  for (const fd of descriptorsOf(pid)) {
    const inode = /^socket:\[(\d+)\]$/.exec(fd)?.[1];
    if (inode !== undefined) inodes.add(Number(inode));
  }
  return inodes;
}

/** Returns what a process's descriptors refer to. */
export function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(":") + 1), 16);
}
