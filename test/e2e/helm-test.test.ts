import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { needCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { installWasmlet, SYSTEM_NAMESPACE, uninstallWasmlet } from "./installed-wasmlet.ts";

const CHART = repositoryFile("charts/wasmlet");
const IN_SYSTEM = ["--namespace", SYSTEM_NAMESPACE];
const NO_NODE = 'runtime.nodeSelector={"example.com/wasm":"none"}';

describe.skipIf(!needCluster())("contract: helm test", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
  }, 300_000);
  afterAll(() => uninstallWasmlet(cluster), 120_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test.each([3, 4] as const)("Helm %i: it passes where apps run, and leaves nothing", async (major) => {
    expect(await helmTest(major)).toContain("Succeeded");
    await cluster.kubectl(["wait", "wasmapps,wasmreplicas", "--all", "--for=delete", "--timeout=60s", ...IN_SYSTEM]);
    expect(await cluster.kubectl(["get", "wasmapps,wasmreplicas", ...IN_SYSTEM, "-o", "name"])).toBe("");
  });

  test("it fails where no node takes apps and says where to look, and passes once one does", async () => {
    await upgrade("--set-json", NO_NODE);
    await untilPool("jsonpath={.status.nodes}=0");
    await expect(helmTest(4)).rejects.toThrow("pod wasmlet-test failed");
    const told = await cluster.kubectl(["logs", "wasmlet-test", ...IN_SYSTEM]);
    expect(told).toContain(`did not answer in 60 s at http://wasmlet-test.${SYSTEM_NAMESPACE}.svc/`);
    expect(told).toContain("kubectl describe wasmruntimes");
    expect(await cluster.kubectl(["describe", "wasmruntimes"])).toContain("spec.nodeSelector selects none");

    await upgrade();
    await untilPool("condition=Ready");
    expect(await helmTest(4)).toContain("Succeeded");
  }, 300_000);

  async function helmTest(major: 3 | 4): Promise<string> {
    return cluster.helm(["test", "wasmlet", ...IN_SYSTEM], { major });
  }

  async function upgrade(...values: string[]): Promise<void> {
    const args = [
      "upgrade",
      "wasmlet",
      CHART,
      ...IN_SYSTEM,
      "--wait",
      "--timeout",
      "120s",
      "--reset-values",
      ...values,
    ];
    await cluster.helm(args);
  }

  async function untilPool(state: string): Promise<void> {
    await cluster.kubectl(["wait", "wasmruntime/default", `--for=${state}`, "--timeout=120s"]);
  }
});
