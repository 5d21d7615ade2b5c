import { mkdtempSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOnPath, type TestTool } from "../oci/tools.ts";
import { binaryPath, missingBinaries } from "./binaries.ts";
import { endProcessesOf, run, startDaemon, waitFor } from "./processes.ts";

/** A containerd of its own, without a kubelet or a network. */
export interface Containerd extends AsyncDisposable {
  /** A folder for the test's own files. */
  readonly folder: string;
  readonly socket: string;
  /** Runs `ctr` with this containerd and returns what it prints. Throws CLUSTER_COMMAND_FAILED. */
  ctr(...args: string[]): Promise<string>;
}

/** What `startContainerd` needs. */
export function containerdTools(): TestTool[] {
  const root: TestTool = {
    name: "root",
    howToGet: "containerd wants root: run the tests with sudo",
    path: process.getuid?.() === 0 ? "/" : undefined,
    isRequired: true,
  };
  const built = ["containerd", "ctr"].map((name): TestTool => {
    const path = missingBinaries([name]).length === 0 ? binaryPath(name) : undefined;
    return { name, howToGet: "npm run cluster -- build (needs Go)", path, isRequired: findOnPath("go") !== undefined };
  });
  return [root, ...built];
}

/** Starts containerd with folders and a socket of its own; the caller is root. */
export async function startContainerd(): Promise<Containerd> {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-containerd-"));
  const socket = join(folder, "containerd.sock");
  const config = join(folder, "config.toml");
  writeFileSync(config, configuration(folder, socket));
  const daemon = startDaemon(folder, "containerd", binaryPath("containerd"), ["--config", config]);
  const remove = async (): Promise<void> => {
    await endProcessesOf(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor("containerd", () => existsSync(socket), { daemons: [daemon], timeoutMs: 30_000 });
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return {
    folder,
    socket,
    ctr: async (...args) => (await run(binaryPath("ctr"), ["--address", socket, ...args])).stdout,
    [Symbol.asyncDispose]: remove,
  };
}

function configuration(folder: string, socket: string): string {
  return `version = 3
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.grpc.v1.cri",
  "io.containerd.nri.v1.nri",
]

[grpc]
  address = "${socket}"

[ttrpc]
  address = "${socket}.ttrpc"
`;
}
