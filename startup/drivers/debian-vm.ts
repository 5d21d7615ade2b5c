import { existsSync, readFileSync, statSync } from "node:fs";
import { debianFilesIn, hashProgram, type BuiltDebian, type DebianFiles } from "../debian-files.ts";
import { Unavailable, type Driver } from "../driver.ts";
import { findProgram } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { startMachine, withAccelerator } from "./machine.ts";

/*
 * A virtual machine as people have it: QEMU's `q35`, with a disk and a network card on PCI, on which Debian boots: its kernel, its
 * initramfs, systemd, and the program as a service. Its firmware loads the kernel itself: without a boot loader it boots sooner.
 */

const MEMORY_MIB = 512;
const BOOT_LIMIT_MS = 180_000;
/** A start takes a quarter of a minute where there is no KVM. */
const MAX_SAMPLES = 10;
const SECTOR_BYTES = 512;
const ADVICE = "npm run startup:debian builds it";

/** Opens the virtual machine that `npm run startup:debian` has built into a folder. */
export async function openDebianVm(
  folder: string | undefined,
  searchPath: string,
  signal: AbortSignal,
): Promise<Driver> {
  if (process.arch !== "x64") throw new Unavailable(`there is no machine with Debian for ${process.arch}`);
  if (folder === undefined) throw new Unavailable("no folder of a machine with Debian was named");
  const emulator = findProgram("qemu-system-x86_64", "on Debian: apt-get install qemu-system-x86", searchPath);
  const files = debianFilesIn(folder);
  const { system, pullBytes } = readBuilt(files, requireBinary());
  const machine = await withAccelerator({ emulator, options: optionsOf(files), bootLimitMs: BOOT_LIMIT_MS }, signal);
  return {
    contender: {
      name: "debian-vm",
      technology: "vm",
      runtime: "qemu",
      cache: "warm",
      accelerator: machine.accelerator,
      what: `a QEMU machine with a disk: ${system} with its kernel, initramfs and systemd, and the program as a service`,
    },
    maxSamples: MAX_SAMPLES,
    // What the file system has never written is not there.
    sizes: async () => ({ pullBytes, diskBytes: statSync(files.disk).blocks * SECTOR_BYTES }),
    start: (probe) => startMachine(probe, machine, signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Returns what was built. Throws Unavailable where nothing was, or with another program in it. */
function readBuilt({ record }: DebianFiles, binary: string): BuiltDebian {
  if (!existsSync(record)) throw new Unavailable(`there is no disk with Debian: ${ADVICE}`);
  const built = JSON.parse(readFileSync(record, "utf8")) as BuiltDebian;
  if (built.programHash !== hashProgram(binary))
    throw new Unavailable(`the disk with Debian has another program: ${ADVICE} anew`);
  return built;
}

function optionsOf({ disk, kernel, initramfs }: DebianFiles): Record<string, string> {
  return {
    M: "q35",
    m: String(MEMORY_MIB),
    kernel,
    initrd: initramfs,
    // What a start writes goes to a file that is gone with it.
    drive: `file=${disk},if=virtio,format=raw,snapshot=on`,
    device: "virtio-net-pci,netdev=net",
    append: "console=ttyS0 root=/dev/vda rw quiet panic=-1",
  };
}
