import { describe, expect, test } from "vitest";
import type { Job } from "../../kube/resources.ts";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { StartupBenchmark } from "../objects.ts";
import type { Write } from "../writer.ts";
import { planBenchmark, type ObservedBenchmark } from "./plan-benchmark.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const SETTINGS = { image: "wasmlet:1", probeImage: "wasmlet-probe:1", imagePullPolicy: "IfNotPresent" };
const NODES = ["node1", "node2"].map((name) => ({ name, hostname: `host-${name}`, imageBytes: () => 1234 }));

function benchmark(spec: object = {}, status?: StartupBenchmark["status"], generation = 1): StartupBenchmark {
  return {
    apiVersion: API_VERSION,
    kind: "StartupBenchmark",
    metadata: { name: "hello", namespace: "default", uid: "uid-hello", generation },
    spec: {
      technologies: ["app-wake", "pod"],
      samples: 3,
      path: "/",
      timeZone: "Etc/UTC",
      suspend: false,
      activeDeadlineSeconds: 600,
      ...spec,
    },
    ...(status !== undefined && { status }),
  };
}

function observe(change: Partial<ObservedBenchmark> = {}): ObservedBenchmark {
  return {
    benchmark: benchmark(),
    settings: SETTINGS,
    nodes: NODES,
    jobs: [],
    pods: [],
    cronJob: undefined,
    nowMs: NOW_MS,
    ...change,
  };
}

function kinds(steps: readonly (readonly Write[])[]): string[] {
  return steps.flat().map(({ kind, object }) => `${kind} ${object.kind} ${object.metadata.name}`);
}

function statusOf(steps: readonly (readonly Write[])[], before: StartupBenchmark): StartupBenchmark["status"] {
  const written = steps.flat().find(({ kind }) => kind === "status")?.object as StartupBenchmark | undefined;
  return (written ?? before).status;
}

function reasons(observed: ObservedBenchmark): Record<string, string> {
  const { conditions = [] } = statusOf(planBenchmark(observed), observed.benchmark) ?? {};
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

/** Returns the Job that a plan makes, once the API server has it. */
function madeBy(observed: ObservedBenchmark, change: Partial<Job> = {}): Job {
  const job = planBenchmark(observed)
    .flat()
    .find(({ object }) => object.kind === "Job")!.object as Job;
  return { ...job, metadata: { ...job.metadata, creationTimestamp: "2026-01-01T00:00:00Z" }, ...change };
}

function ended(type: string, message: string): Partial<Job> {
  return { status: { conditions: [{ type, status: "True", message }] } };
}

function results(change: object = {}): NonNullable<NonNullable<StartupBenchmark["status"]>["results"]> {
  return {
    generation: 1,
    run: "hello-startup-43600-1-abcde",
    startedAt: "2026-01-01T00:00:00Z",
    progress: "3/3",
    summary: "app-wake 1ms, pod 300ms (300x)",
    contenders: [{ samples: 3 }] as never,
    missing: [],
    ...change,
  };
}

describe("plan of a benchmark", () => {
  test("gives an account what it needs, and makes a Job on a node", () => {
    const steps = planBenchmark(observe());
    expect(kinds(steps)).toEqual([
      "apply ServiceAccount hello-startup-43600",
      "apply Role hello-startup-43600",
      "apply RoleBinding hello-startup-43600",
      "create Job hello-startup-43600-1",
      "status StartupBenchmark hello",
    ]);
    const job = madeBy(observe());
    expect(job.metadata.ownerReferences).toMatchObject([{ kind: "StartupBenchmark", uid: "uid-hello" }]);
    expect(job.spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 600 });
    const { nodeSelector, containers, automountServiceAccountToken } = job.spec!.template.spec!;
    expect(nodeSelector).toEqual({ "kubernetes.io/hostname": "host-node2" });
    expect(automountServiceAccountToken).toBe(true);
    expect(containers[0]).toMatchObject({
      image: "wasmlet-probe:1",
      securityContext: { readOnlyRootFilesystem: true },
    });
    expect(containers[0]!.args).toEqual(expect.arrayContaining(["--benchmark=hello", "--image=wasmlet:1"]));
    expect(containers[0]!.args).not.toContainEqual(expect.stringContaining("--image-bytes"));
  });

  test("tells the probe what the node has of somebody's own image", () => {
    const container = { image: "shop:1", command: [], args: [], port: 80, memory: "64Mi" };
    const job = madeBy(observe({ benchmark: benchmark({ container }) }));
    expect(job.spec!.template.spec!.containers[0]!.args).toContain("--image-bytes=1234");
  });

  test("goes on as before while the Job is there, and writes nothing twice", () => {
    const observed = observe();
    const jobs = [madeBy(observed)];
    const first = planBenchmark({ ...observed, jobs });
    const known = benchmark({}, statusOf(first, observed.benchmark));
    expect(planBenchmark({ ...observed, benchmark: known, jobs })).toEqual([]);
    expect(reasons({ ...observed, jobs })).toEqual({
      Running: "True Running",
      Complete: "False Running",
      Degraded: "False AsExpected",
    });
  });

  test("is done with its results, and is run again for another generation alone", () => {
    const status = { results: results({ finishedAt: "2026-01-01T00:01:00Z" }) };
    const done = observe({ benchmark: benchmark({}, status) });
    expect(kinds(planBenchmark(done))).toEqual(["status StartupBenchmark hello"]);
    expect(reasons(done)).toMatchObject({ Running: "False Idle", Complete: "True Finished" });
    const changed = observe({ benchmark: benchmark({}, status, 2), jobs: [madeBy(observe())] });
    expect(kinds(planBenchmark(changed))).toEqual(
      expect.arrayContaining(["create Job hello-startup-43600-2", "delete Job hello-startup-43600-1"]),
    );
  });

  test("is done while its pod only ends", () => {
    const status = { results: results({ finishedAt: "2026-01-01T00:01:00Z" }) };
    expect(reasons(observe({ benchmark: benchmark({}, status), jobs: [madeBy(observe())] }))).toMatchObject({
      Running: "False Idle",
      Complete: "True Finished",
    });
  });

  test("that failed says why, also once its Job is gone, and is not tried again", () => {
    const jobs = [madeBy(observe(), ended("Failed", "Job was active longer than specified deadline"))];
    const failed = observe({ jobs });
    expect(reasons(failed)).toMatchObject({ Complete: "False RunFailed", Degraded: "True RunFailed" });
    const known = benchmark({}, statusOf(planBenchmark(failed), failed.benchmark));
    expect(JSON.stringify(known.status)).toContain("longer than specified deadline");
    expect(planBenchmark(observe({ benchmark: known }))).toEqual([]);
  });

  test("of which nothing could be measured has failed", () => {
    const missing = [{ contender: "pod", why: "no such image" }];
    const status = { results: results({ finishedAt: "2026-01-01T00:01:00Z", contenders: [], missing }) };
    const observed = observe({ benchmark: benchmark({}, status) });
    expect(reasons(observed)).toMatchObject({ Complete: "False RunFailed", Degraded: "True RunFailed" });
  });

  test.each([
    ["cannot be made", [], "PodNotCreated"],
    ["has no image", [{ containerStatuses: [{ state: { waiting: { reason: "ErrImagePull" } } }] }], "PodNotStarted"],
    ["has no node", [{ conditions: [{ type: "PodScheduled", status: "False", message: "0/2" }] }], "PodNotScheduled"],
  ])("whose pod %s does not run, and says so", (_what, statuses, reason) => {
    const jobs = [madeBy(observe())];
    const labels = { "job-name": jobs[0]!.metadata.name };
    const pods = statuses.map((status) => ({ metadata: { name: "pod", labels }, status })) as never;
    const later = observe({ jobs, pods, nowMs: NOW_MS + 11_000 });
    expect(reasons(later)).toEqual({
      Running: `False ${reason}`,
      Complete: `False ${reason}`,
      Degraded: `True ${reason}`,
    });
  });

  test("that failed says how its pod ended", () => {
    const jobs = [madeBy(observe(), ended("Failed", "backoff limit"))];
    const state = { terminated: { exitCode: 137, reason: "OOMKilled" } };
    const labels = { "job-name": jobs[0]!.metadata.name };
    const pods = [{ metadata: { name: "pod", labels }, status: { containerStatuses: [{ state }] } }] as never;
    expect(JSON.stringify(planBenchmark(observe({ jobs, pods })))).toContain("exit code 137 (OOMKilled)");
  });

  test("that the cluster refuses says why, and makes nothing", () => {
    const refused = observe({ refusal: "unknown time zone Mars/Base" });
    expect(kinds(planBenchmark(refused))).toEqual(["status StartupBenchmark hello"]);
    expect(reasons(refused)).toMatchObject({ Degraded: "True Refused" });
  });

  test("tells of the node that it measured, whatever would be chosen now", () => {
    const jobs = [madeBy(observe())];
    const steps = planBenchmark(observe({ jobs, nodes: NODES.slice(0, 0).concat(NODES[0]!) }));
    expect(statusOf(steps, benchmark())!.nodeName).toBe(jobs[0]!.metadata.annotations!["wasmlet.dev/node-name"]);
  });

  test("that failed says what its probe said, where it did", () => {
    const told = benchmark({}, { results: results({ error: "create pods: quota exceeded" }) });
    const jobs = [madeBy(observe(), ended("Failed", "backoff limit"))];
    const { conditions } = statusOf(planBenchmark(observe({ benchmark: told, jobs })), told)!;
    expect(conditions!.find(({ type }) => type === "Complete")!.message).toContain("quota exceeded");
  });

  test("with something that could not be started is complete and degraded", () => {
    const missing = [{ contender: "pod-kata", why: 'RuntimeClass "kata" not found' }];
    const status = { results: results({ finishedAt: "2026-01-01T00:01:00Z", missing }) };
    expect(reasons(observe({ benchmark: benchmark({}, status) }))).toMatchObject({
      Complete: "True Finished",
      Degraded: "True ContenderUnavailable",
    });
  });

  test.each([
    ["switched off", { settings: undefined }, "NotEnabled"],
    ["on a node that is not there", { benchmark: benchmark({ nodeName: "node9" }) }, "NodeNotFound"],
    ["without any node", { nodes: [] }, "NodeNotFound"],
  ])("%s nothing is made, and it says why", (_what, change, reason) => {
    const observed = observe(change);
    expect(kinds(planBenchmark(observed))).toEqual(["status StartupBenchmark hello"]);
    expect(reasons(observed)).toMatchObject({ Complete: `False ${reason}`, Degraded: `True ${reason}` });
  });

  test("suspended it is not run", () => {
    expect(kinds(planBenchmark(observe({ benchmark: benchmark({ suspend: true }) })))).toEqual([
      "status StartupBenchmark hello",
    ]);
  });

  test("stays on its node while apps can run there", () => {
    const known = benchmark({}, { nodeName: "node2" });
    const job = madeBy(observe({ benchmark: known }));
    expect(job.spec!.template.spec!.nodeSelector).toEqual({ "kubernetes.io/hostname": "host-node2" });
    const moved = madeBy(observe({ benchmark: known, nodes: NODES.slice(0, 1) }));
    expect(moved.spec!.template.spec!.nodeSelector).toEqual({ "kubernetes.io/hostname": "host-node1" });
  });

  test("with a schedule has a CronJob, which changes with it and goes with it", () => {
    const scheduled = observe({ benchmark: benchmark({ schedule: "0 3 * * *" }) });
    const steps = planBenchmark(scheduled);
    expect(kinds(steps)).toContain("apply CronJob hello-startup-43600");
    const cronJob = steps.flat().find(({ object }) => object.kind === "CronJob")!.object as never;
    const known = benchmark({ schedule: "0 3 * * *" }, statusOf(steps, scheduled.benchmark));
    expect(planBenchmark({ ...scheduled, benchmark: known, cronJob })).toEqual([]);
    const later = observe({ benchmark: benchmark({ schedule: "0 4 * * *" }), cronJob });
    expect(kinds(planBenchmark(later))).toContain("apply CronJob hello-startup-43600");
    expect(kinds(planBenchmark(observe({ cronJob })))).toEqual(
      expect.arrayContaining(["create Job hello-startup-43600-1", "delete CronJob hello-startup-43600"]),
    );
  });

  test("leaves the Jobs of its CronJob to that", () => {
    const scheduled = benchmark({ schedule: "0 3 * * *" });
    const own = madeBy(observe());
    const ownerReferences = [{ apiVersion: "batch/v1", kind: "CronJob", name: "hello-startup-43600", uid: "uid-cron" }];
    const jobs = [own, { ...own, metadata: { ...own.metadata, name: "hello-startup-43600-29000", ownerReferences } }];
    expect(kinds(planBenchmark(observe({ benchmark: scheduled, jobs })))).toContain("delete Job hello-startup-43600-1");
    expect(kinds(planBenchmark(observe({ benchmark: scheduled, jobs })))).not.toContain(
      "delete Job hello-startup-43600-29000",
    );
  });

  test("that is being deleted is left to the garbage collector", () => {
    const gone = benchmark();
    gone.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    expect(planBenchmark(observe({ benchmark: gone }))).toEqual([]);
  });
});
