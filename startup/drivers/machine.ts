import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { findFreePorts } from "../../common/ports.ts";
import type { Contender, Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { kill } from "../processes.ts";
import { MachineConsole } from "./machine-console.ts";
import { statsOf } from "./process.ts";

/*
 * A virtual machine of QEMU: started, watched on its serial console, and asked through QEMU's own network.
 */

const HOST = "127.0.0.1";
/** Where the program listens in the machine. */
const GUEST_PORT = 8080;
/** The first address that QEMU's own network gives. */
export const GUEST_ADDRESS = "10.0.2.15";
const KVM_TRIAL_MS = 10_000;

/** What is said on the console when the kernel has handed over to what is in the machine, and when the program listens. */
const BOOTED = /\bbooted$/;
const LISTENING = /\blistening$/;

/** A machine, apart from what all have in common. */
export interface Machine {
  emulator: string;
  accelerator: Exclude<Contender["accelerator"], "none">;
  /** Options of QEMU by their names. Its network is called `net`. */
  options: Readonly<Record<string, string>>;
  bootLimitMs: number;
}

/** Starts a machine and waits until the program in it answers. */
export async function startMachine(probe: Probe, machine: Machine, signal: AbortSignal): Promise<Running> {
  const { bootLimitMs } = machine;
  const [port = 0] = await findFreePorts(HOST, 1);
  const url = `http://${HOST}:${port}/`;
  const watch = await probe.begin();
  const child = spawnMachine(machine, port);
  const console = new MachineConsole(child);
  try {
    await console.until(BOOTED, bootLimitMs, signal);
    watch.mark("kernel");
    // QEMU accepts connections before anything listens in the machine: to ask sooner would fill its queue.
    await console.until(LISTENING, bootLimitMs, signal);
    watch.mark("init");
    const { answeredMs } = await awaitAnswer(url, signal);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, ...statsOf(child.pid!), stop: () => kill(child) };
  } catch (thrown) {
    await kill(child);
    throw thrown;
  }
}

/** Returns a machine with KVM where that boots its kernel. Some hosts offer KVM and cannot run it: only booting shows. */
export async function withAccelerator(machine: Omit<Machine, "accelerator">, signal: AbortSignal): Promise<Machine> {
  const translated: Machine = { ...machine, accelerator: "tcg" };
  const accelerated: Machine = { ...machine, accelerator: "kvm" };
  return existsSync("/dev/kvm") && (await boots(accelerated, signal)) ? accelerated : translated;
}

async function boots(machine: Machine, signal: AbortSignal): Promise<boolean> {
  const [port = 0] = await findFreePorts(HOST, 1);
  const child = spawnMachine(machine, port);
  try {
    await new MachineConsole(child).until(BOOTED, KVM_TRIAL_MS, signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    await kill(child);
  }
}

function spawnMachine({ emulator, accelerator, options }: Machine, port: number): ChildProcess {
  const all = {
    ...options,
    accel: accelerator,
    cpu: "max",
    display: "none",
    serial: "stdio",
    netdev: `user,id=net,restrict=on,hostfwd=tcp:${HOST}:${port}-${GUEST_ADDRESS}:${GUEST_PORT}`,
  };
  const pairs = Object.entries(all).flatMap(([name, value]) => [`-${name}`, value]);
  const args = ["-nodefaults", "-no-user-config", "-no-reboot", ...pairs];
  return spawn(emulator, args, { stdio: ["ignore", "pipe", "pipe"] });
}
