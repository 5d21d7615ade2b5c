import type { RuntimeOptions, SucceedingRuntime } from "./runtime-api.ts";
import { FolderSource } from "./supervisor/folder-source.ts";
import { Supervisor } from "./supervisor/supervisor.ts";

/** Starts a node runtime over a folder of manifests. Throws RUNTIME_FOLDER or RUNTIME_PORT_IN_USE. */
export async function startRuntime(options: RuntimeOptions): Promise<SucceedingRuntime> {
  const supervisor = new Supervisor(options, new FolderSource(options.folder, options.isTaken));
  await supervisor.start();
  return supervisor;
}
