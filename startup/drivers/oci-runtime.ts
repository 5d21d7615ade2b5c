import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { findFreePorts } from "../../common/ports.ts";
import { type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { findProgram, requireRoot, runDetached } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { writeBundle, writeConfig } from "./bundle.ts";
import { openCgroupView } from "./cgroup-view.ts";
import { statsOf } from "./process.ts";

/** A container that an OCI runtime starts from a bundle: no image to unpack, no daemon, no network of its own. */
export async function openOciRuntime(runtime: "crun" | "runc", searchPath: string): Promise<Driver> {
  requireRoot(runtime);
  const program = findProgram(runtime, `on Debian: apt-get install ${runtime}`, searchPath);
  const binary = requireBinary();
  const view = runtime === "crun" ? await openCgroupView(searchPath) : undefined;
  const folder = mkdtempSync(join(tmpdir(), `wasmlet-startup-${runtime}-`));
  writeBundle(folder, binary, 0);
  const command = [...(view?.prefix ?? []), program, "--root", join(folder, "state")];
  const entering = command.length > 3 ? ", and entering a mount namespace that it can use" : "";
  let count = 0;
  return {
    contender: {
      name: runtime,
      technology: "container",
      runtime,
      cache: "warm",
      accelerator: "none",
      what: `a container by ${runtime} from an unpacked bundle, with the host's network${entering}`,
    },
    sizes: async () => ({ pullBytes: gzipSync(readFileSync(binary)).length, diskBytes: statSync(binary).size }),
    start: (probe) => startContainer(probe, command, folder, `wasmlet-startup-${process.pid}-${count++}`),
    [Symbol.asyncDispose]: async () => {
      await view?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startContainer(probe: Probe, command: readonly string[], folder: string, id: string): Promise<Running> {
  const [port = 0] = await findFreePorts("127.0.0.1", 1);
  const url = `http://127.0.0.1:${port}/`;
  const pidFile = join(folder, "pid");
  const [file = "", ...args] = command;
  writeConfig(folder, port);
  const remove = (): Promise<void> => runDetached(file, [...args, "delete", "--force", id]);
  try {
    const watch = await probe.begin();
    await runDetached(file, [...args, "run", "--detach", "--pid-file", pidFile, "--bundle", folder, id]);
    watch.mark("run");
    const { connectedMs, answeredMs } = await awaitAnswer(url);
    watch.mark("listen", connectedMs);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, ...statsOf(Number(readFileSync(pidFile, "utf8"))), stop: remove };
  } catch (thrown) {
    await remove().catch(() => {});
    throw thrown;
  }
}
