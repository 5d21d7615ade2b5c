import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Unavailable, type Driver } from "../driver.ts";
import { findProgram } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { buildInitramfs } from "./initramfs.ts";
import { findKernel } from "./kernel.ts";
import { GUEST_ADDRESS, startMachine, withAccelerator } from "./machine.ts";

/*
 * A virtual machine with next to nothing in it: QEMU's machine `microvm`, without firmware or PCI, a distribution's kernel, and
 * the program as init. What is slow in it is what every virtual machine has: a kernel that boots.
 */

/** By Node.js' name of the architecture; `microvm` is there for x86 only. */
const EMULATORS: Readonly<Record<string, string>> = { x64: "qemu-system-x86_64" };
const MEMORY_MIB = 128;
const BOOT_LIMIT_MS = 60_000;

/** Opens the virtual machine: with KVM where that boots the kernel, else with QEMU's translator, and says which. */
export async function openMicroVm(
  kernelRoots: readonly string[],
  searchPath: string,
  signal: AbortSignal,
): Promise<Driver> {
  const emulatorName = EMULATORS[process.arch];
  const binary = requireBinary();
  if (emulatorName === undefined) throw new Unavailable(`there is no microvm for ${process.arch}`);
  const emulator = findProgram(emulatorName, "on Debian: apt-get install qemu-system-x86", searchPath);
  const kernel = findKernel(kernelRoots);
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-startup-vm-"));
  const dispose = async (): Promise<void> => rmSync(folder, { recursive: true, force: true });
  try {
    const initramfs = join(folder, "initramfs");
    // Modules are loaded in the order of their names.
    const modules = kernel.modules.map(({ name, bytes }, index) => [`modules/${index}-${name}.ko`, bytes] as const);
    writeFileSync(initramfs, buildInitramfs({ init: readFileSync(binary), ...Object.fromEntries(modules) }));
    const options = optionsOf(kernel.image, initramfs);
    const machine = await withAccelerator({ emulator, options, bootLimitMs: BOOT_LIMIT_MS }, signal);
    const bytes = statSync(kernel.image).size + statSync(initramfs).size;
    return {
      contender: {
        name: "microvm",
        technology: "vm",
        runtime: "qemu",
        cache: "warm",
        accelerator: machine.accelerator,
        what: "a QEMU microvm: a distribution's kernel, and the program as its init",
      },
      sizes: async () => ({ pullBytes: bytes, diskBytes: bytes }),
      start: (probe) => startMachine(probe, machine, signal),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

function optionsOf(kernel: string, initrd: string): Record<string, string> {
  return {
    M: "microvm,rtc=on,acpi=on",
    m: String(MEMORY_MIB),
    kernel,
    initrd,
    device: "virtio-net-device,netdev=net",
    // What stands behind two dashes is for the program.
    append: `console=ttyS0 quiet reboot=t panic=-1${clockRate()} -- vm ${GUEST_ADDRESS}`,
  };
}

/**
 * The kernel measures how fast its clock runs, and for want of any other clock in such a machine it hangs where that fails:
 * every other time on a busy host. So it is told.
 */
function clockRate(): string {
  const megahertz = /^cpu MHz\s*: ([\d.]+)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return megahertz === undefined ? "" : ` tsc_early_khz=${Math.round(Number(megahertz) * 1000)}`;
}
