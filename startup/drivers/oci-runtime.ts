import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePorts } from "../../common/ports.ts";
import type { Driver, Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { findProgram, hasProgram, requireRoot, runDetached } from "../processes.ts";
import { requireBinary } from "../program.ts";
import { sizesOf, writeBundle, writeConfig, type BundleContent } from "./bundle.ts";
import { openCgroupView } from "./cgroup-view.ts";
import { findNodeBundle } from "./node-bundle.ts";
import { statsOf } from "./process.ts";

/* Containers that an OCI runtime starts from a bundle: no image to unpack, no daemon, no network of their own. */

type OciRuntime = "crun" | "runc";

interface OciContainer {
  name: string;
  runtime: OciRuntime;
  content: BundleContent;
  /** What is in it, for people. */
  what: string;
}

/** Opens a container with the binary alone. */
export async function openOciRuntime(runtime: OciRuntime, searchPath: string, signal: AbortSignal): Promise<Driver> {
  const content = { files: { "/program": requireBinary() }, args: ["/program"] };
  return open({ name: runtime, runtime, content, what: "a container" }, searchPath, signal);
}

/** Opens a container with Node.js and the same program for it, by crun, or by runc where there is no crun. */
export async function openNodeContainer(searchPath: string, signal: AbortSignal): Promise<Driver> {
  const runtime = hasProgram("crun", searchPath) ? "crun" : "runc";
  requireRoot(runtime);
  const content = await findNodeBundle();
  return open({ name: "crun-node", runtime, content, what: "a container with Node.js" }, searchPath, signal);
}

async function open(
  { name, runtime, content, what }: OciContainer,
  searchPath: string,
  signal: AbortSignal,
): Promise<Driver> {
  requireRoot(runtime);
  const program = findProgram(runtime, `on Debian: apt-get install ${runtime}`, searchPath);
  const view = runtime === "crun" ? await openCgroupView(searchPath) : undefined;
  const folder = mkdtempSync(join(tmpdir(), `wasmlet-startup-${name}-`));
  const dispose = async (): Promise<void> => {
    await view?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    writeBundle(folder, content, 0);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  const command = [...(view?.prefix ?? []), program, "--root", join(folder, "state")];
  const entering = command.length > 3 ? ", and entering a mount namespace that it can use" : "";
  const startOne = async (probe: Probe, id: string): Promise<Running> => {
    const [port = 0] = await findFreePorts("127.0.0.1", 1);
    writeConfig(folder, content.args, port);
    return startContainer(probe, command, { folder, port, id, signal });
  };
  let count = 0;
  return {
    contender: {
      name,
      technology: "container",
      runtime,
      cache: "warm",
      accelerator: "none",
      what: `${what} by ${runtime} from an unpacked bundle, with the host's network${entering}`,
    },
    sizes: () => sizesOf(content),
    start: (probe) => startOne(probe, `wasmlet-startup-${name}-${process.pid}-${count++}`),
    [Symbol.asyncDispose]: dispose,
  };
}

interface Start {
  /** The bundle's. */
  folder: string;
  port: number;
  id: string;
  signal: AbortSignal;
}

async function startContainer(
  probe: Probe,
  command: readonly string[],
  { folder, port, id, signal }: Start,
): Promise<Running> {
  const url = `http://127.0.0.1:${port}/`;
  const pidFile = join(folder, "pid");
  const [file = "", ...args] = command;
  const remove = (): Promise<void> => runDetached(file, [...args, "delete", "--force", id]);
  try {
    const watch = await probe.begin();
    await runDetached(file, [...args, "run", "--detach", "--pid-file", pidFile, "--bundle", folder, id]);
    watch.mark("run");
    const { connectedMs, answeredMs } = await awaitAnswer(url, signal);
    watch.mark("listen", connectedMs);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, ...statsOf(Number(readFileSync(pidFile, "utf8"))), stop: remove };
  } catch (thrown) {
    await remove().catch(() => {});
    throw thrown;
  }
}
