import { createInterface } from "node:readline";
import { ArtifactStore } from "../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../node-runtime/artifacts/oci-artifacts.ts";
import { messageOf } from "../common/errors.ts";

/*
 * Wasmlet's pulls in a process of its own, one a line: `FOLDER IMAGE`, a new folder each time. As on a node, the process is
 * there already, and what is pulled is verified and on the disk at the end.
 */

for await (const line of createInterface({ input: process.stdin })) {
  const [folder = "", image = ""] = line.split(" ");
  try {
    process.stdout.write(`${JSON.stringify(await measure(folder, image))}\n`);
  } catch (thrown) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    process.exit(1);
  }
}

async function measure(folder: string, image: string): Promise<{ latenciesNanos: number[]; cpuNanos: number }> {
  const cpu = process.cpuUsage();
  const begin = process.hrtime.bigint();
  await withArtifacts(new ArtifactStore(folder), {}, (artifacts) => artifacts.obtain({ image }));
  const nanos = Number(process.hrtime.bigint() - begin);
  const { user, system } = process.cpuUsage(cpu);
  return { latenciesNanos: [nanos], cpuNanos: (user + system) * 1000 };
}
