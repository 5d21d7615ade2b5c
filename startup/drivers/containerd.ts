import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { findFreePorts } from "../../common/ports.ts";
import { Unavailable, type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { findProgram, kill, requireRoot, runDetached, runToEnd } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { buildProgramImage, PROGRAM_IMAGE } from "../program-image.ts";
import { statsOf } from "./process.ts";

/*
 * A container as containerd starts it: a snapshot of an unpacked image, a shim, runc. It is a containerd of our own, below a
 * temporary folder, so that nothing of the machine's is touched.
 */

const START_LIMIT_MS = 20_000;
const POLL_MS = 50;

/** Opens a containerd with the program's image. */
export async function openContainerd(searchPath: string, signal: AbortSignal): Promise<Driver> {
  requireRoot("containerd");
  const programs = ["containerd", "ctr", "runc", "containerd-shim-runc-v2"];
  const [containerd = "", ctr = "", runc = ""] = programs.map((name) =>
    findProgram(name, "on Debian: apt-get install containerd runc", searchPath),
  );
  const binary = requireBinary();
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-startup-containerd-"));
  const daemon = spawnDaemon(containerd, folder, [dirname(runc), searchPath].join(delimiter));
  const client = [`--address=${socketOf(folder)}`, "--namespace=wasmlet-startup"];
  const dispose = async (): Promise<void> => {
    await kill(daemon);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(ctr, folder, daemon, signal);
    const archive = join(folder, "program.tar");
    writeFileSync(archive, await buildProgramImage(readFileSync(binary)));
    await runToEnd(ctr, [...client, "images", "import", archive]);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  let count = 0;
  return {
    contender: {
      name: "containerd",
      technology: "container",
      runtime: "containerd",
      cache: "warm",
      accelerator: "none",
      what: "a container by containerd and runc (ctr run) from an unpacked image, with the host's network",
    },
    sizes: async () => {
      const bytes = readFileSync(binary);
      return { pullBytes: gzipSync(bytes).length, diskBytes: bytes.length };
    },
    start: (probe) => startContainer(probe, { ctr, client, id: `startup-${process.pid}-${count++}`, signal }),
    [Symbol.asyncDispose]: dispose,
  };
}

interface Start {
  ctr: string;
  client: readonly string[];
  id: string;
  signal: AbortSignal;
}

async function startContainer(probe: Probe, { ctr, client, id, signal }: Start): Promise<Running> {
  const [port = 0] = await findFreePorts("127.0.0.1", 1);
  const url = `http://127.0.0.1:${port}/`;
  const remove = async (): Promise<void> => {
    await runToEnd(ctr, [...client, "tasks", "delete", "--force", id]);
    await runToEnd(ctr, [...client, "containers", "delete", id]);
  };
  try {
    const watch = await probe.begin();
    await runDetached(ctr, [...client, "run", "--detach", "--net-host", "--env", `PORT=${port}`, PROGRAM_IMAGE, id]);
    watch.mark("run");
    const { connectedMs, answeredMs } = await awaitAnswer(url, signal);
    watch.mark("listen", connectedMs);
    watch.mark("response", answeredMs);
    const pid = await pidOf(ctr, client, id);
    return { url, phases: watch.phases, ...statsOf(pid), stop: remove };
  } catch (thrown) {
    await remove().catch(() => {});
    throw thrown;
  }
}

/** `ctr tasks list` prints a task per line: its name, its process, its state. */
async function pidOf(ctr: string, client: readonly string[], id: string): Promise<number> {
  const lines = (await runToEnd(ctr, [...client, "tasks", "list"])).split("\n").map((line) => line.trim().split(/\s+/));
  return Number(lines.find(([name]) => name === id)?.[1]);
}

function spawnDaemon(containerd: string, folder: string, path: string): ChildProcess {
  mkdirSync(join(folder, "state"));
  const config = [
    "version = 2",
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]',
    "[grpc]",
    `address = "${socketOf(folder)}"`,
  ];
  writeFileSync(join(folder, "config.toml"), config.join("\n"));
  return spawn(containerd, ["--config", join(folder, "config.toml"), "--log-level", "error"], {
    stdio: "ignore",
    env: { PATH: path },
    // Ctrl-C on a terminal goes to all of its processes: this one is needed to end what it started.
    detached: true,
  });
}

function socketOf(folder: string): string {
  return join(folder, "state", "containerd.sock");
}

async function untilReady(ctr: string, folder: string, daemon: ChildProcess, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  for (;;) {
    if (existsSync(socketOf(folder))) {
      const isReady = await runToEnd(ctr, [`--address=${socketOf(folder)}`, "version"]).then(
        () => true,
        () => false,
      );
      if (isReady) return;
    }
    if (daemon.exitCode !== null) throw new Unavailable(`containerd ended with ${daemon.exitCode}`);
    if (performance.now() > deadlineMs)
      throw new Unavailable(`containerd was not ready within ${START_LIMIT_MS / 1000} s`);
    await delay(POLL_MS, undefined, { signal });
  }
}
