import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "../../common/ports.ts";
import { Unavailable, type Contender, type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { findProgram, kill } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { buildInitramfs } from "./initramfs.ts";
import { findKernel } from "./kernel.ts";
import { MachineConsole } from "./machine-console.ts";
import { statsOf } from "./process.ts";

/*
 * A virtual machine with next to nothing in it: QEMU's machine `microvm`, without firmware or PCI, a distribution's kernel, and
 * the program as init. What is slow in it is what every virtual machine has: a kernel that boots.
 */

/** By Node.js' name of the architecture; `microvm` is there for x86 only. */
const EMULATORS: Readonly<Record<string, string>> = { x64: "qemu-system-x86_64" };
const MEMORY_MIB = 128;
const GUEST_PORT = 8080;
/** The first address that QEMU's own network gives. */
const GUEST_ADDRESS = "10.0.2.15";
const KVM_TRIAL_MS = 10_000;
const BOOT_LIMIT_MS = 60_000;
/** What the program says on the console; what stands behind two dashes on the kernel's command line is for it. */
const BOOTED = "booted";
const LISTENING = "listening";

interface Machine {
  emulator: string;
  accelerator: Contender["accelerator"];
  kernel: string;
  initramfs: string;
}

/** Opens the virtual machine: with KVM where that boots the kernel, else with QEMU's translator, and says which. */
export async function openMicroVm(kernelRoots: readonly string[], searchPath: string): Promise<Driver> {
  const emulator = EMULATORS[process.arch];
  const binary = requireBinary();
  if (emulator === undefined) throw new Unavailable(`there is no microvm for ${process.arch}`);
  const program = findProgram(emulator, "on Debian: apt-get install qemu-system-x86", searchPath);
  const kernel = findKernel(kernelRoots);
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-startup-vm-"));
  const initramfs = join(folder, "initramfs");
  // Modules are loaded in the order of their names.
  const modules = kernel.modules.map(({ name, bytes }, index) => [`modules/${index}-${name}.ko`, bytes] as const);
  writeFileSync(initramfs, buildInitramfs({ init: readFileSync(binary), ...Object.fromEntries(modules) }));
  const machine: Machine = { emulator: program, accelerator: "tcg", kernel: kernel.image, initramfs };
  if (await boots({ ...machine, accelerator: "kvm" })) machine.accelerator = "kvm";
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
    start: (probe) => startMachine(probe, machine),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startMachine(probe: Probe, machine: Machine): Promise<Running> {
  const [port = 0] = await findFreePorts("127.0.0.1", 1);
  const url = `http://127.0.0.1:${port}/`;
  const watch = await probe.begin();
  const child = spawnMachine(machine, port);
  const console = new MachineConsole(child);
  try {
    await console.until(BOOTED, BOOT_LIMIT_MS);
    watch.mark("kernel");
    // QEMU accepts connections before anything listens in the machine: to ask sooner would fill its queue.
    await console.until(LISTENING, BOOT_LIMIT_MS);
    watch.mark("init");
    const { answeredMs } = await awaitAnswer(url);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, ...statsOf(child.pid!), stop: () => kill(child) };
  } catch (thrown) {
    await kill(child);
    throw thrown;
  }
}

function spawnMachine({ emulator, accelerator, kernel, initramfs }: Machine, port: number): ChildProcess {
  const forward = `hostfwd=tcp:127.0.0.1:${port}-${GUEST_ADDRESS}:${GUEST_PORT}`;
  const options = {
    M: "microvm,rtc=on,acpi=on",
    accel: accelerator,
    cpu: "max",
    m: String(MEMORY_MIB),
    display: "none",
    serial: "stdio",
    kernel,
    initrd: initramfs,
    netdev: `user,id=net,restrict=on,${forward}`,
    device: "virtio-net-device,netdev=net",
    append: `console=ttyS0 quiet reboot=t panic=-1${clockRate()} -- vm ${GUEST_ADDRESS}`,
  };
  const pairs = Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]);
  const args = ["-nodefaults", "-no-user-config", "-no-reboot", ...pairs];
  return spawn(emulator, args, { stdio: ["ignore", "pipe", "pipe"] });
}

/**
 * The kernel measures how fast its clock runs, and for want of any other clock in such a machine it hangs where that fails:
 * every other time on a busy host. So it is told.
 */
function clockRate(): string {
  const megahertz = /^cpu MHz\s*: ([\d.]+)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return megahertz === undefined ? "" : ` tsc_early_khz=${Math.round(Number(megahertz) * 1000)}`;
}

/** Some hosts offer KVM and cannot run it: only a kernel that boots shows that it works. */
async function boots(machine: Machine): Promise<boolean> {
  if (!existsSync("/dev/kvm")) return false;
  const [port = 0] = await findFreePorts("127.0.0.1", 1);
  const child = spawnMachine(machine, port);
  try {
    await new MachineConsole(child).until(LISTENING, KVM_TRIAL_MS);
    return true;
  } catch {
    return false;
  } finally {
    await kill(child);
  }
}
