import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binaryPath } from "../cluster/binaries.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { needCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { makeTemporaryFolder, repositoryFile } from "../harness.ts";
import { loadImages } from "./images.ts";
import { matches, readSteps, runStep } from "./walkthrough.ts";

const PAGE = "docs/getting-started.md";
const STEP_TIMEOUT_MS = 180_000;

describe.skipIf(!needCluster())(PAGE, () => {
  let cluster: Cluster;
  const tools = makeTemporaryFolder();

  beforeAll(async () => {
    cluster = await sharedCluster();
    await loadImages(cluster);
    for (const name of ["kubectl", "helm"]) symlinkSync(binaryPath(name), join(tools.path, name));
    const plugin = join(tools.path, "kubectl-wasmlet");
    writeFileSync(plugin, `#!/bin/sh\nexec ${process.execPath} ${repositoryFile("cli/kubectl-wasmlet.mjs")} "$@"\n`);
    chmodSync(plugin, 0o755);
  }, STEP_TIMEOUT_MS);
  afterAll(() => tools.remove());

  test.each(readSteps(readFileSync(repositoryFile(PAGE), "utf8")))(
    "line $line: $command",
    async ({ command, output }) => {
      const env = {
        ...process.env,
        KUBECONFIG: cluster.kubeconfig,
        PATH: `${tools.path}:${process.env["PATH"] ?? ""}`,
      };
      const printed = await runStep(command, { folder: repositoryFile("."), env, timeoutMs: STEP_TIMEOUT_MS });
      if (output !== undefined)
        expect(printed).toSatisfy((text: string) => matches(text, output), `what ${PAGE} shows:\n${output}`);
    },
    STEP_TIMEOUT_MS,
  );
});
