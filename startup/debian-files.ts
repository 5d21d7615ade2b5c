import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/* What `npm run startup:debian` leaves in the cache, and the virtual machine is started from. */

/** What was built, as it is written beside the files. */
export interface BuiltDebian {
  /** As the system calls itself. */
  system: string;
  /** Of the program in it, so that an old one is noticed. */
  programHash: string;
  /** Bytes of the disk, compressed as images for clouds are. */
  pullBytes: number;
}

/** The files of a virtual machine with Debian. */
export interface DebianFiles {
  disk: string;
  kernel: string;
  initramfs: string;
  /** A BuiltDebian. */
  record: string;
}

/** Returns where they are. */
export function debianFilesIn(folder: string): DebianFiles {
  return {
    disk: join(folder, "disk.ext4"),
    kernel: join(folder, "vmlinuz"),
    initramfs: join(folder, "initrd.img"),
    record: join(folder, "built.json"),
  };
}

/** Returns the hash by which the program in a machine is told from another. */
export function hashProgram(binary: string): string {
  return createHash("sha256").update(readFileSync(binary)).digest("hex");
}
