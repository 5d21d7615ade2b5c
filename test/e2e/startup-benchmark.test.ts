import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { buildImage } from "../../image/build.ts";
import type { StartupBenchmark } from "../../operator/objects.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { waitFor } from "../cluster/processes.ts";
import { needOwnCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { installWasmlet, SYSTEM_NAMESPACE, uninstallWasmlet } from "./installed-wasmlet.ts";

/* StartupBenchmarks, run by the operator on a real cluster. */

const MADE = "pods,wasmapps,wasmreplicas,configmaps,services,jobs";
const OURS = "wasmlet.dev/startup-benchmark";
const LIMIT = { timeoutMs: 150_000 };

describe.skipIf(!needOwnCluster("load images into nodes"))("contract: a StartupBenchmark", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
    const plain = { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name: "plain" }, handler: "runc" };
    await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(plain) });
  }, 300_000);
  afterAll(async () => {
    await cluster.kubectl(["delete", "startupbenchmarks", "--all"]);
    await cluster.kubectl(["delete", "runtimeclass", "plain", "--ignore-not-found"]);
    await uninstallWasmlet(cluster);
  }, 120_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test("says that it is not run where the chart does not switch that on", async () => {
    await apply("first", { samples: 3, technologies: ["app-wake", "wasm-app", "pod", "pod-plain", "pod-missing"] });
    await waitForReason("first", "Complete", "NotEnabled");
    expect(await messageOf("first", "Degraded")).toContain("startupBenchmarks.enabled");
    await installWasmlet(cluster, ["startupBenchmarks.enabled=true"]);
  }, 120_000);

  test("starts everything as often as asked, and tells each start in its status", async () => {
    await waitForReason("first", "Complete", "Finished");
    const { results, nodeName } = (await read("first")).status!;
    expect(results!.contenders.map(({ name, samples }) => [name, samples])).toEqual([
      ["app-wake", 3],
      ["wasm-app", 3],
      ["pod", 3],
      ["pod-plain", 3],
    ]);
    for (const { seconds, p50, phases, pullBytes, memoryBytes, phaseSeconds } of results!.contenders) {
      expect(seconds.toSorted((a, b) => a - b)[1]).toBe(p50);
      expect(Object.keys(phases!).length).toBeGreaterThan(1);
      expect(Math.min(pullBytes!, memoryBytes!)).toBeGreaterThan(0);
      for (const [round, time] of seconds.entries()) {
        const parts = Object.values(phaseSeconds).map((times) => times[round]!);
        expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(time, 4);
      }
    }
    expect(results!.contenders[0]!.ratio).toBe(1);
    expect(results!.progress).toBe("3/3");
    const nodes = await cluster.kubectl(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
    expect(nodes.split(" ")).toContain(nodeName);
  }, 200_000);

  test("an impossible technology is a condition and an event, and keeps none of the others from being measured", async () => {
    expect(await messageOf("first", "Degraded")).toMatch(/pod-missing is left out: .*RuntimeClass "missing" not found/);
    await waitFor("the event", async () => {
      const events = await cluster.kubectl([
        "get",
        "events",
        "-o",
        "jsonpath={range .items[*]}{.reason}: {.message}{end}",
      ]);
      return /ContenderUnavailable: pod-missing is left out/.test(events) && /Finished: app-wake/.test(events);
    });
  });

  test("kubectl get shows how it went", async () => {
    const shown = await cluster.kubectl(["get", "sbench", "first"]);
    expect(shown).toMatch(/RUNNING +COMPLETE +ROUNDS +P50/);
    expect(shown).toMatch(/False +Finished +3\/3 +app-wake [0-9.]+[µm]s, .*pod [0-9.]+m?s \([0-9.]+x\)/);
  });

  test("the operator tells of every start in its metrics", async () => {
    const metrics = await operatorMetrics();
    for (const contender of ["app-wake", "wasm-app", "pod", "pod-plain"]) {
      const labels = `benchmark="default/first",contender="${contender}"`;
      expect(metrics).toMatch(new RegExp(`wasmlet_startup_duration_seconds_count\\{${labels},.*phase="total"\\} 3\\n`));
      expect(metrics).toMatch(new RegExp(`wasmlet_startup_memory_bytes\\{${labels},.*\\} [0-9]`));
    }
    expect(metrics).toMatch(/contender="pod",.*phase="kubelet"/);
    expect(metrics).toContain("wasmlet_startup_benchmarks_omitted 0");
  });

  test("nothing is left of what it started", async () => {
    await waitFor("all to be gone", async () => (await madeBy("first")) === "", LIMIT);
  }, 160_000);

  test("is run again when it is changed, and not otherwise", async () => {
    await apply("first", { samples: 1, technologies: ["app-wake", "process", "microvm"] });
    await waitFor("the new results", async () => (await read("first")).status?.results?.generation === 2, LIMIT);
    await waitForReason("first", "Complete", "Finished");
    const { results } = (await read("first")).status!;
    expect(results!.contenders.map(({ name }) => name)).toEqual(["app-wake", "process"]);
    expect(results!.missing).toMatchObject([{ contender: "microvm", why: expect.stringContaining("qemu") as string }]);
  }, 200_000);

  test("with the probe image that has QEMU it starts virtual machines, without privileges", async () => {
    const { file, name } = await buildImage({ withQemu: true });
    await cluster.loadImage(readFileSync(file));
    await installWasmlet(cluster, ["startupBenchmarks.enabled=true", `startupBenchmarks.probeImage=${name}`]);
    await apply("machine", { samples: 1, technologies: ["app-wake", "pod", "microvm"] });
    await waitForReason("machine", "Complete", "Finished");
    const { results } = (await read("machine")).status!;
    expect(results!.missing).toEqual([]);
    const machine = results!.contenders.find(({ name: contender }) => contender === "microvm");
    expect(machine).toMatchObject({ technology: "vm", runtime: "qemu", samples: 1 });
    expect(["tcg", "kvm"]).toContain(machine?.accelerator);
    expect(machine!.p50).toBeGreaterThan(results!.contenders[0]!.p50!);
  }, 300_000);

  test("killed half-way it leaves nothing behind, and says that it failed", async () => {
    await apply("killed", { samples: 100 });
    await waitFor(
      "the second round",
      async () => /^[1-9]/.test((await read("killed")).status?.results?.progress ?? ""),
      LIMIT,
    );
    expect(await madeBy("killed")).toContain("wasmapp.wasmlet.dev/");
    const selector = ["-l", `${OURS}=killed,job-name`];
    await cluster.kubectl(["delete", "pods", ...selector, "--grace-period=0", "--force"]);
    await waitForReason("killed", "Complete", "RunFailed");
    expect(await messageOf("killed", "Degraded")).toContain("failed");
    await waitFor("all to be gone", async () => (await madeBy("killed")) === "", LIMIT);
  }, 300_000);

  test("a run that takes too long is ended", async () => {
    await apply("slow", { samples: 100, activeDeadlineSeconds: 10 });
    await waitForReason("slow", "Complete", "RunFailed");
    expect(await messageOf("slow", "Complete")).toMatch(/deadline/i);
    await waitFor("all to be gone", async () => (await madeBy("slow")) === "", LIMIT);
  }, 300_000);

  test("compares somebody's own app and container", async () => {
    await cluster.kubectl(["apply", "-f", repositoryFile("examples/hello.yaml")]);
    await apply("own", {
      samples: 1,
      app: { source: { configMap: { name: "hello", key: "hello-c.wasm" } } },
      container: {
        image: "docker.io/library/busybox:1.37",
        command: ["busybox", "httpd", "-f", "-p", "3000", "-h", "/etc"],
        port: 3000,
      },
      path: "/hostname",
    });
    await waitForReason("own", "Complete", "Finished");
    const { results } = (await read("own")).status!;
    expect(results!.missing).toEqual([]);
    const pod = results!.contenders.find(({ name }) => name === "pod");
    expect(pod?.pullBytes).toBeGreaterThan(100_000);
    expect(pod?.memoryBytes).toBeUndefined();
    await cluster.kubectl(["delete", "-f", repositoryFile("examples/hello.yaml")]);
  }, 200_000);

  test("says why its pod cannot start, and what the cluster refuses", async () => {
    await cluster.kubectl(["create", "quota", "small", "--hard=requests.memory=64Mi"]);
    await apply("short", { samples: 1, technologies: ["process"] });
    await waitForReason("short", "Degraded", "PodNotCreated");
    await cluster.kubectl(["delete", "quota", "small"]);
    await apply("elsewhere", { schedule: "0 3 * * *", timeZone: "Mars/Base" });
    await waitForReason("elsewhere", "Degraded", "Refused");
    expect(await messageOf("elsewhere", "Degraded")).toContain("unknown time zone");
    await cluster.kubectl(["delete", "startupbenchmarks", "short", "elsewhere"]);
  });

  test("says what an app lacks and what is answered instead, without a long wait", async () => {
    const source = { configMap: { name: "not-there", key: "a.wasm" } };
    await apply("wrong", { samples: 1, technologies: ["wasm-app", "pod"], path: "/nope?x=1", app: { source } });
    await waitForReason("wrong", "Complete", "RunFailed");
    const message = await messageOf("wrong", "Degraded");
    expect(message).toMatch(/wasm-app: .*ConfigMapNotFound/);
    expect(message).toMatch(/pod: .*expected 200, got HTTP\/1.1 404/);
  }, 120_000);

  test("says which nodes there are where the one that it names takes no apps", async () => {
    await apply("nowhere", { nodeName: "node-that-is-not-there" });
    await waitForReason("nowhere", "Complete", "NodeNotFound");
    expect(await messageOf("nowhere", "Degraded")).toContain("node-that-is-not-there");
  });

  test("with a schedule it is run by a CronJob", async () => {
    await apply("nightly", {
      schedule: "0 3 * * *",
      timeZone: "Europe/Berlin",
      samples: 1,
      technologies: ["app-wake"],
    });
    await waitForReason("nightly", "Complete", "Waiting");
    const labelled = ["get", "cronjobs", "-l", `${OURS}=nightly`, "-o"];
    const cronJob = (await cluster.kubectl([...labelled, "jsonpath={.items[*].metadata.name}"])).trim();
    const spec = ["get", "cronjob", cronJob, "-o"];
    expect(await cluster.kubectl([...spec, "jsonpath={.spec.schedule} {.spec.timeZone} {.spec.suspend}"])).toBe(
      "0 3 * * * Europe/Berlin false",
    );
    await cluster.kubectl(["create", "job", "due", `--from=cronjob/${cronJob}`]);
    await waitForReason("nightly", "Complete", "Finished");
    await apply("nightly", { schedule: "0 3 * * *", suspend: true });
    await waitFor(
      "it to be suspended",
      async () => (await cluster.kubectl([...spec, "jsonpath={.spec.suspend}"])) === "true",
    );
    await apply("nightly", { samples: 1, technologies: ["app-wake"] });
    await waitFor(
      "the CronJob to go",
      async () => !(await cluster.kubectl(["get", "cronjobs", "-o", "name"])).includes("nightly"),
    );
    await waitForReason("nightly", "Complete", "Finished");
  }, 300_000);

  test("deleted while it runs it takes everything along", async () => {
    await apply("deleted", { samples: 100 });
    await waitFor("it to have begun", async () => (await madeBy("deleted")).includes("wasmapp.wasmlet.dev/"), LIMIT);
    await cluster.kubectl(["delete", "startupbenchmark", "deleted"]);
    await waitFor("all to be gone", async () => (await madeBy("deleted")) === "", LIMIT);
    await waitFor(
      "its series to be gone",
      async () => !(await operatorMetrics()).includes('benchmark="default/deleted"'),
    );
  }, 300_000);

  async function apply(name: string, spec: object): Promise<void> {
    const benchmark = { apiVersion: API_VERSION, kind: "StartupBenchmark", metadata: { name }, spec };
    await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(benchmark) });
  }

  async function read(name: string): Promise<StartupBenchmark> {
    return JSON.parse(await cluster.kubectl(["get", "startupbenchmark", name, "-o", "json"])) as StartupBenchmark;
  }

  async function waitForReason(name: string, type: string, reason: string): Promise<void> {
    await waitFor(
      `${name} to be ${reason}`,
      async () => {
        const { metadata, status } = await read(name);
        const condition = status?.conditions?.find((candidate) => candidate.type === type);
        return condition?.reason === reason && condition.observedGeneration === metadata.generation;
      },
      LIMIT,
    );
  }

  async function messageOf(name: string, type: string): Promise<string> {
    return (await read(name)).status?.conditions?.find((condition) => condition.type === type)?.message ?? "";
  }

  /** Returns the names of what a benchmark started and what started it. */
  async function madeBy(name: string): Promise<string> {
    const labelled = await cluster.kubectl(["get", MADE, "-l", `${OURS}=${name}`, "-o", "name"]);
    const others = await cluster.kubectl(["get", "wasmreplicas,services", "-o", "name"]);
    return [labelled, ...others.split("\n").filter((line) => line.includes("/startup-"))].join("\n").trim();
  }

  async function operatorMetrics(): Promise<string> {
    const pods = ["get", "pods", "-n", SYSTEM_NAMESPACE, "-l", "app.kubernetes.io/component=operator"];
    const addresses = await cluster.kubectl([...pods, "-o", "jsonpath={.items[*].status.podIP}"]);
    const texts = await Promise.all(
      addresses.split(" ").map(async (address) => (await fetch(`http://${address}:9465/metrics`)).text()),
    );
    return texts.join("\n");
  }
});
