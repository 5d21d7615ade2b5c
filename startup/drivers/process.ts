import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "../../common/ports.ts";
import { type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { kill } from "../processes.ts";
import { readCpuSeconds, readProportionalBytes } from "../process-stats.ts";
import { requireBinary } from "../program.ts";

/** The binary by itself, without any isolation. */
export async function openProcess(signal?: AbortSignal): Promise<Driver> {
  const source = requireBinary();
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-startup-process-"));
  const binary = join(folder, "program");
  copyFileSync(source, binary);
  chmodSync(binary, 0o755);
  return {
    contender: {
      name: "process",
      technology: "process",
      runtime: "linux",
      cache: "warm",
      accelerator: "none",
      what: "the native program alone, not isolated",
    },
    sizes: async () => ({ pullBytes: statSync(binary).size, diskBytes: statSync(binary).size }),
    start: (probe) => startProcess(probe, binary, signal),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startProcess(probe: Probe, binary: string, signal?: AbortSignal): Promise<Running> {
  const [port] = await findFreePorts("127.0.0.1", 1);
  const url = `http://127.0.0.1:${port}/`;
  const watch = await probe.begin();
  const child = spawn(binary, [], { stdio: "ignore", env: { PORT: String(port) } });
  try {
    await once(child, "spawn");
    watch.mark("spawn");
    const { connectedMs, answeredMs } = await awaitAnswer(url, signal, () => failureOf(child));
    watch.mark("listen", connectedMs);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, ...statsOf(child.pid!), stop: () => kill(child) };
  } catch (thrown) {
    await kill(child);
    throw thrown;
  }
}

function failureOf({ exitCode, signalCode }: ChildProcess): Error | undefined {
  const end = signalCode ?? exitCode;
  return end === null ? undefined : new Error(`the program ended with ${end} before it answered`);
}

/** What /proc says of a process. */
export function statsOf(pid: number): Pick<Running, "memoryBytes" | "cpuSeconds"> {
  return {
    memoryBytes: async () => readProportionalBytes(pid),
    cpuSeconds: async () => readCpuSeconds([pid]),
  };
}
