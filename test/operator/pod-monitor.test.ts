import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { KubeObject } from "../../kube/objects.ts";
import { clusterWide, NAMESPACES } from "../../kube/resources.ts";
import { WASM_RUNTIMES } from "../../operator/objects.ts";
import { POD_MONITORS, type PodMonitor } from "../../operator/runtimes/resources.ts";
import { find, helmLack, render } from "../chart/chart.ts";
import { waitFor } from "../cluster/processes.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { startControlPlane, type ControlPlane } from "../kube/control-plane.ts";
import { applyCrds } from "./crds.ts";
import { makePool } from "./operator-bed.ts";
import { startOperatorProcess, SYSTEM, type OperatorProcess } from "./operator-process.ts";

/*
 * The PodMonitors of pools and of the operator on a real API server with the Prometheus Operator's own definition, which is
 * installed while the operator runs.
 */

const CRDS = clusterWide<KubeObject>(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "customresourcedefinitions",
);
const CRD_NAME = "podmonitors.monitoring.coreos.com";
const NAME = "wasmlet-runtime-default";
/** The operator asks for a missing kind twice a minute. */
const FOUND_MS = 60_000;
const FLAGS = ["--pod-monitors", "--pod-monitor-label", "release=prometheus", "--pod-monitor-interval", "15s"];

let plane: ControlPlane;
let operator: OperatorProcess;

async function installDefinition(): Promise<void> {
  const text = readFileSync(repositoryFile(`test/operator/definitions/${CRD_NAME}.yaml`), "utf8");
  await plane.client.apply(CRDS, parse(text) as KubeObject);
}

/** Returns the PodMonitor of a pool; undefined too where there is no such kind. */
function monitorOf(name = NAME): Promise<PodMonitor | undefined> {
  return plane.client.get(POD_MONITORS, { namespace: SYSTEM, name });
}

function whenMonitor(what: string, isAsExpected: (monitor: PodMonitor | undefined) => boolean): Promise<void> {
  return waitFor(`the PodMonitor ${what}`, async () => isAsExpected(await monitorOf()), { timeoutMs: FOUND_MS });
}

/** Has the API server look at an object as strictly as it can; throws for a field that it does not know. */
function tryStrictly(object: object): Promise<string> {
  const args = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
  return plane.cluster.kubectl(args, { input: stringify(object) });
}

describe.skipIf(!needCluster("control-plane"))("PodMonitors on a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
    await applyCrds(plane.client);
    await plane.client.apply(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name: SYSTEM } });
    await makePool(plane.client, "default");
    operator = startOperatorProcess(plane.cluster.kubeconfig, FLAGS);
    await operator.whenLeading();
  });
  afterAll(async () => {
    await operator?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  test("contract: without the Prometheus Operator the pool is kept all the same", async () => {
    await waitFor("a status", async () => {
      const runtime = await plane.client.get(WASM_RUNTIMES, { name: "default" });
      return runtime?.status?.conditions !== undefined;
    });
    expect(await monitorOf()).toBeUndefined();
  });

  test("contract: once the Prometheus Operator is installed the pool has a PodMonitor", async () => {
    await installDefinition();
    await whenMonitor("to be made", (monitor) => monitor !== undefined);
    expect(await monitorOf()).toMatchObject({
      metadata: {
        labels: { release: "prometheus", "wasmlet.dev/runtime": "default" },
        ownerReferences: [{ kind: "WasmRuntime", name: "default", controller: true }],
      },
      spec: {
        selector: { matchLabels: { "wasmlet.dev/runtime": "default" } },
        podMetricsEndpoints: [{ port: "management", interval: "15s" }],
      },
    });
  });

  test("definition: knows every field of the pool's PodMonitor, and is strict", async () => {
    const { apiVersion, kind, spec } = (await monitorOf())!;
    const metadata = { namespace: SYSTEM, name: "copy" };
    expect(await tryStrictly({ apiVersion, kind, metadata, spec })).toContain("copy created");
    const misspelt = { ...spec, podMetricsEndpoint: [] };
    await expect(tryStrictly({ apiVersion, kind, metadata, spec: misspelt })).rejects.toThrow(/unknown field/);
  });

  test.skipIf(helmLack() !== undefined)("definition: knows every field of the operator's PodMonitor", async () => {
    const values = ["monitoring.enabled=true", 'monitoring.labels={"release":"prometheus"}'];
    const objects = await render(4, values, "--api-versions", "monitoring.coreos.com/v1");
    expect(await tryStrictly(find(objects, "PodMonitor", "wasmlet-operator"))).toContain("wasmlet-operator created");
  });

  test("pool: its PodMonitor is made again when somebody deletes it, and made right when somebody edits it", async () => {
    const ref = { namespace: SYSTEM, name: NAME };
    const uid = (await monitorOf())?.metadata.uid;
    await plane.client.delete(POD_MONITORS, ref);
    await whenMonitor("to be made again", (monitor) => monitor !== undefined && monitor.metadata.uid !== uid);
    await plane.client.mergePatch(POD_MONITORS, ref, { spec: { podMetricsEndpoints: [{ port: "other" }] } });
    await whenMonitor("to be right", (monitor) => monitor?.spec.podMetricsEndpoints[0]?.port === "management");
  });

  test("pool: gets its PodMonitor again when the definition went and came back", async () => {
    await plane.client.delete(CRDS, { name: CRD_NAME });
    await whenMonitor("to go with its kind", (monitor) => monitor === undefined);
    await waitFor("the definition to go", async () => (await plane.client.get(CRDS, { name: CRD_NAME })) === undefined);
    await installDefinition();
    await whenMonitor("to be made", (monitor) => monitor !== undefined);
  });

  test("the operator prints no errors", () => {
    expect(operator.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(operator.errors).toEqual([]);
  });
});
