import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { busyboxImage } from "../cluster/images.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { repositoryFile } from "../harness.ts";

const loaded = new WeakSet<Cluster>();

/** Gives every node the image of Wasmlet as it is built from this checkout, and busybox under the name that pages use. */
export async function loadImages(cluster: Cluster): Promise<void> {
  if (loaded.has(cluster)) return;
  if (cluster.level === "foreign") {
    process.stderr.write(
      "the cluster's nodes have to have the images of Wasmlet and busybox, or pull them: docs/test-cluster.md\n",
    );
    loaded.add(cluster);
    return;
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [repositoryFile("image/main.ts"), "-o", "json"], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the image could not be built: ${stderr}`);
  const { file } = JSON.parse(stdout) as { file: string };
  await cluster.loadImage(readFileSync(file));
  await cluster.loadImage(await busyboxImage("docker.io/library/busybox:1.37"));
  loaded.add(cluster);
}
