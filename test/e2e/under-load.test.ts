import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { waitFor } from "../cluster/processes.ts";
import { needCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { tellOnFailure } from "./cluster-report.ts";
import {
  installWasmlet,
  removeExample,
  serveExample,
  SYSTEM_NAMESPACE,
  uninstallWasmlet,
} from "./installed-wasmlet.ts";
import { ask, ServiceLoad } from "./service-load.ts";

describe.skipIf(!needCluster())("contract: while requests come", () => {
  let cluster: Cluster;
  let url: string;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
    url = await serveExample(cluster, "scale");
    await cluster.kubectl(["wait", "wasmapp/scale", "--for=jsonpath={.status.ready}=2/2", "--timeout=60s"]);
  }, 300_000);
  afterAll(() => removeExample(cluster, "scale"), 300_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test("an app is updated on every node without a failed request", async () => {
    const load = new ServiceLoad(url);
    await patch("wasmapp", "scale", { spec: { env: [{ name: "EDITION", value: "2" }] } });
    await waitForStatus("scale", "2");
    expect(await settled(load)).toMatchObject({ failed: 0, reasons: [] });
  }, 180_000);

  test("the node runtime is upgraded on every node without a failed request", async () => {
    const load = new ServiceLoad(url);
    await patch("wasmruntime", "default", { spec: { terminationGracePeriodSeconds: 30 } });
    await waitFor("the pods to be replaced", async () => (await runtimePods()).every(({ grace }) => grace === 38), {
      timeoutMs: 150_000,
    });
    expect(await settled(load)).toMatchObject({ failed: 0, reasons: [] });
  }, 300_000);

  test("the operator is away: apps serve, and what is deleted goes", async () => {
    await cluster.kubectl(["-n", SYSTEM_NAMESPACE, "scale", "deployment/wasmlet-operator", "--replicas=0"]);
    await cluster.kubectl([
      "-n",
      SYSTEM_NAMESPACE,
      "wait",
      "pods",
      "-l",
      "app.kubernetes.io/component=operator",
      "--for=delete",
      "--timeout=60s",
    ]);
    expect(await ask(url)).toBeUndefined();
    await cluster.kubectl(["delete", "wasmapp", "scale"]);
    await cluster.kubectl(["wait", "wasmreplicas", "-l", "wasmlet.dev/app=scale", "--for=delete", "--timeout=60s"]);
    await waitFor(
      "the Service to go",
      async () => !(await cluster.kubectl(["get", "services", "-o", "name"])).includes("scale"),
    );
    await cluster.kubectl(["-n", SYSTEM_NAMESPACE, "scale", "deployment/wasmlet-operator", "--replicas=2"]);
  }, 180_000);

  async function patch(kind: string, name: string, change: object): Promise<void> {
    await cluster.kubectl(["patch", kind, name, "--type=merge", "-p", JSON.stringify(change)]);
  }

  /** Waits until the app's status speaks of its spec and so many nodes run the revision. */
  async function waitForStatus(name: string, updated: string): Promise<void> {
    const generation = await cluster.kubectl(["get", "wasmapp", name, "-o", "jsonpath={.metadata.generation}"]);
    await cluster.kubectl([
      "wait",
      `wasmapp/${name}`,
      `--for=jsonpath={.status.observedGeneration}=${generation}`,
      "--timeout=60s",
    ]);
    await cluster.kubectl([
      "wait",
      `wasmapp/${name}`,
      `--for=jsonpath={.status.updatedReplicas}=${updated}`,
      "--timeout=60s",
    ]);
  }

  async function runtimePods(): Promise<{ name: string; grace: number }[]> {
    const args = ["-n", SYSTEM_NAMESPACE, "get", "pods", "-l", "wasmlet.dev/runtime=default", "-o", "json"];
    const { items } = JSON.parse(await cluster.kubectl(args)) as {
      items: { metadata: { name: string }; spec: { terminationGracePeriodSeconds: number } }[];
    };
    return items.map(({ metadata, spec }) => ({ name: metadata.name, grace: spec.terminationGracePeriodSeconds }));
  }
});

/** Ends a load after some more requests, so that what comes late is seen too. */
async function settled(load: ServiceLoad): Promise<unknown> {
  const before = load.answered;
  await waitFor("more answers", () => Promise.resolve(load.answered > before + 200), { timeoutMs: 60_000 });
  return load.stop();
}
