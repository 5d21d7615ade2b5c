import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Comparison } from "../../startup/measure.ts";
import { buildProgramImage, PROGRAM_IMAGE } from "../../startup/program-image.ts";
import { requireBinary } from "../../startup/program.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { needOwnCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { makeTemporaryFolder } from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { installWasmlet, uninstallWasmlet } from "./installed-wasmlet.ts";

/* `wasmlet bench startup --kubeconfig`: pods and WasmApps, created through the API of a real cluster, beside each other. */

const temporary = makeTemporaryFolder();

describe.skipIf(!needOwnCluster("load an image into nodes"))("contract: starts on a cluster", () => {
  let cluster: Cluster;
  let comparison: Comparison;
  let progress: string;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
    await cluster.loadImage(await buildProgramImage(readFileSync(requireBinary())));
    const runtimeClass = {
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "plain" },
      handler: "runc",
    };
    await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(runtimeClass) });
    const options = ["--samples", "3", "--image", PROGRAM_IMAGE, "--kubeconfig", cluster.kubeconfig, "-o", "json"];
    const technologies = "wasm-wake,wasm-app,pod,pod-plain,pod-missing";
    const child = spawnWasmlet(["bench", "startup", "--technologies", technologies, ...options], temporary.path);
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    progress = stderr;
    comparison = JSON.parse(stdout) as Comparison;
  }, 400_000);
  afterAll(async () => {
    await cluster.kubectl(["delete", "runtimeclass", "plain", "--ignore-not-found"]);
    await uninstallWasmlet(cluster);
    temporary.remove();
  }, 120_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test("pods, with and without a RuntimeClass, and WasmApps are started as often as all others", () => {
    const counts = Map.groupBy(comparison.samples, ({ contender }) => contender);
    expect(
      [...counts].map(([name, samples]) => [name, samples.length]),
      progress,
    ).toEqual([
      ["wasm-wake", 3],
      ["wasm-app", 3],
      ["pod", 3],
      ["pod-plain", 3],
    ]);
    for (const { memoryBytes } of comparison.samples) expect(memoryBytes).toBeGreaterThan(0);
    expect(Object.keys(counts.get("pod")![0]!.phases)).toEqual(["create", "schedule", "kubelet", "response"]);
    expect(Object.keys(counts.get("wasm-app")![0]!.phases)).toEqual(["create", "ready", "response"]);
  });

  test("a RuntimeClass that is not there keeps nothing else from being compared", () => {
    expect(comparison.missing.map(({ contender }) => contender)).toEqual(["pod-missing"]);
    expect(comparison.missing[0]!.why).toMatch(/RuntimeClass "missing" not found/);
  });

  test("a pod reaches neither the host's loopback nor what a component does not", () => {
    const reach = new Map(comparison.reach.map(({ contender, findings }) => [contender, findings]));
    expect(reach.get("pod")).toMatchObject({ "connects to the host's loopback": "no", "starts a process": "yes" });
    for (const result of Object.values(reach.get("wasm-app")!)) expect(["no", "0"]).toContain(result);
  });

  test("nothing is left on the cluster", async () => {
    expect(await cluster.kubectl(["get", "namespaces", "-o", "name"])).not.toContain("wasmlet-startup-");
    expect(await cluster.kubectl(["get", "wasmapps,wasmreplicas", "--all-namespaces", "-o", "name"])).toBe("");
  });
});
