import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { findProgram, kill } from "../processes.ts";

const UNIFIED = "/sys/fs/cgroup/unified";

/** How a program is run so that it sees the machine's cgroups as it can use them. */
export interface CgroupView extends AsyncDisposable {
  /** What stands before the program's own command line. */
  prefix: readonly string[];
}

/**
 * crun refuses machines that have cgroups of both versions with controllers in the second: there it gets a view without
 * that one, in a mount namespace which goes with the process that holds it. Entering it is part of what is measured then.
 */
export async function openCgroupView(searchPath: string): Promise<CgroupView> {
  if (controllers() === "") return { prefix: [], [Symbol.asyncDispose]: async () => {} };
  const howToGet = "on Debian: apt-get install util-linux";
  const nsenter = findProgram("nsenter", howToGet, searchPath);
  // It ends when its standard input does: with this process at the latest.
  const script = `umount ${UNIFIED} && echo ready && exec cat`;
  const holder = spawn(findProgram("unshare", howToGet, searchPath), ["--mount", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "ignore"],
    // Ctrl-C on a terminal must not end it before what runs in its view is ended.
    detached: true,
  });
  await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
  return {
    prefix: [nsenter, `--mount=/proc/${holder.pid}/ns/mnt`],
    [Symbol.asyncDispose]: () => kill(holder),
  };
}

function controllers(): string {
  try {
    return readFileSync(`${UNIFIED}/cgroup.controllers`, "utf8").trim();
  } catch {
    return "";
  }
}
