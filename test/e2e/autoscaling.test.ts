import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { waitFor } from "../cluster/processes.ts";
import { needOwnCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { serveExternalMetrics } from "./external-metrics.ts";
import { installWasmlet, removeExample, serveExample, uninstallWasmlet } from "./installed-wasmlet.ts";
import { addressesOf, RequestRate } from "./request-rate.ts";
import { ask, ServiceLoad } from "./service-load.ts";

/*
 * The autoscaler of docs/autoscaling.md, with the metric that the page names. What Prometheus and its adapter would do, ask the
 * node runtimes and answer the autoscaler, the test does.
 */

const PAGE = "docs/autoscaling.md";
const SCALED_TO_ZERO = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=ScaledToZero";
const METRIC = "wasmlet_requests_per_second";

describe.skipIf(!needOwnCluster("serve an API on this machine that the API server asks"))(
  "contract: an autoscaler",
  () => {
    let cluster: Cluster;
    let url: string;
    let metrics: AsyncDisposable;
    /** What the autoscaler was told. */
    const told: number[] = [];

    beforeAll(async () => {
      cluster = await sharedCluster();
      await uninstallWasmlet(cluster);
      await installWasmlet(cluster);
      url = await serveExample(cluster, "hello");
      const rate = new RequestRate(await addressesOf(cluster, "default"), "default", "hello");
      metrics = await serveExternalMetrics(cluster, async (metric, { app }) => {
        if (metric !== METRIC || app !== "hello") throw new Error(`nobody counts ${metric} of ${app ?? "no app"}`);
        const value = await rate.read();
        told.push(value);
        return value;
      });
      await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(readAutoscaler()) });
      await untilAutoscaler("condition=ScalingActive");
    }, 300_000);
    afterAll(async () => {
      await cluster.kubectl(["delete", "hpa", "hello", "--ignore-not-found"]);
      await metrics[Symbol.asyncDispose]();
      await removeExample(cluster, "hello");
    }, 300_000);
    beforeEach((context) => tellOnFailure(context, () => cluster));

    test("an app runs on a second node while many ask, and on one again afterwards, without a failed request", async () => {
      const beganMs = performance.now();
      const many = new ServiceLoad(url);
      await untilReady("2/2");
      const { answered, ...failures } = await many.stop();
      expect(failures).toEqual({ failed: 0, reasons: [] });
      const truth = answered / ((performance.now() - beganMs) / 1000);
      expect(Math.max(...told)).toSatisfy((rate: number) => rate > truth / 2 && rate < truth * 2, `about ${truth}`);

      const few = new ServiceLoad(url, 1, 100);
      await untilReady("1/1");
      expect(await few.stop()).toMatchObject({ failed: 0, reasons: [] });
    }, 240_000);

    test("somebody who scales an app to no node pauses it, until they scale it to one", async () => {
      await cluster.kubectl(["scale", "wasmapp/hello", "--replicas=0"]);
      await untilAutoscaler("jsonpath={.status.conditions[?(@.type=='ScalingActive')].reason}=ScalingDisabled");
      await untilApp(SCALED_TO_ZERO);
      await waitFor("the Service to refuse", async () => (await ask(url)) !== undefined);
      await cluster.kubectl(["scale", "wasmapp/hello", "--replicas=1"]);
      await untilReady("1/1");
      await waitFor("the Service to answer", async () => (await ask(url)) === undefined);
      await untilAutoscaler("condition=ScalingActive");
    }, 180_000);

    test("an autoscaler that may go down to no node does when nobody asks, and comes back when it may no longer", async () => {
      await allow(0);
      await untilApp(SCALED_TO_ZERO);
      await allow(1);
      await untilReady("1/1");
      await waitFor("the Service to answer", async () => (await ask(url)) === undefined);
    }, 180_000);

    async function allow(minReplicas: number): Promise<void> {
      const change = JSON.stringify({ spec: { minReplicas } });
      await cluster.kubectl(["patch", "hpa", "hello", "--type=merge", "-p", change]);
    }

    function untilReady(ready: string): Promise<string> {
      return untilApp(`jsonpath={.status.ready}=${ready}`);
    }

    function untilApp(state: string): Promise<string> {
      return cluster.kubectl(["wait", "wasmapp/hello", `--for=${state}`, "--timeout=90s"]);
    }

    function untilAutoscaler(state: string): Promise<string> {
      return cluster.kubectl(["wait", "hpa/hello", `--for=${state}`, "--timeout=90s"]);
    }
  },
);

/** Returns the page's autoscaler, for a cluster of two nodes and a test that does not wait for minutes. */
function readAutoscaler(): object {
  const blocks = [...readFileSync(repositoryFile(PAGE), "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)];
  const objects = blocks.map(([, text = ""]) => parse(text) as { kind?: string; spec?: object });
  const { spec, ...rest } = objects.find(({ kind }) => kind === "HorizontalPodAutoscaler")!;
  return { ...rest, spec: { ...spec, maxReplicas: 2, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } };
}
