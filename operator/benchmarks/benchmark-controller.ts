import type { Timing } from "../../common/timing.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import type { KubeClient } from "../../kube/client.ts";
import { keyOf, type KubeObject } from "../../kube/objects.ts";
import { CRON_JOBS, JOBS, PODS, type CronJob, type Job, type Pod, type Resource } from "../../kube/resources.ts";
import type { WorkQueue, WorkResult } from "../../kube/work-queue.ts";
import { isPodReady } from "../apps/observe.ts";
import { isOwn } from "../apps/ownership.ts";
import { OURS, RUNTIME_LABEL, type ClusterState } from "../cluster-state.ts";
import { createQueue } from "../controller.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { STARTUP_BENCHMARKS, type StartupBenchmark } from "../objects.ts";
import type { OperatorLog } from "../operator-api.ts";
import { OptionalWatch } from "../optional-watch.ts";
import type { Write, Writer } from "../writer.ts";
import type { BenchmarkMetrics } from "./benchmark-metrics.ts";
import { patienceMs } from "./findings.ts";
import { planBenchmark, type ObservedBenchmark } from "./plan-benchmark.ts";
import { BENCHMARK_LABEL, type BenchmarkNode, type ProbeSettings } from "./resources.ts";

/** What the controller of benchmarks works with. */
export interface BenchmarkControllerContext {
  client: Pick<KubeClient, "list" | "watch">;
  state: Pick<ClusterState, "nodes" | "pods">;
  writer: Writer;
  events: Pick<EventRecorder, "record">;
  metrics: OperatorMetrics;
  starts: BenchmarkMetrics;
  /** Undefined where benchmarks are switched off: they are told so. */
  settings: ProbeSettings | undefined;
  log: OperatorLog;
  timing: Timing;
}

/** What trying again does not mend. */
const REFUSALS: ReadonlySet<string> = new Set(["KUBE_INVALID", "KUBE_FORBIDDEN"]);
const HOSTNAME = "kubernetes.io/hostname";

/** Keeps the Jobs of StartupBenchmarks as they should be, and passes on in metrics what they find. */
export class BenchmarkController {
  readonly #context: BenchmarkControllerContext;
  readonly #queue: WorkQueue;
  readonly #benchmarks: OptionalWatch<StartupBenchmark>;
  readonly #jobs: OptionalWatch<Job>;
  readonly #cronJobs: OptionalWatch<CronJob>;
  readonly #pods: OptionalWatch<Pod>;
  /** Benchmarks that wait for a node. */
  readonly #waiting = new Set<string>();
  readonly #unsubscribe: (() => void)[] = [];

  constructor(context: BenchmarkControllerContext) {
    this.#context = context;
    const { metrics, log, timing } = context;
    const reconcile = (key: string, signal: AbortSignal): Promise<WorkResult> => this.#reconcile(key, signal);
    this.#queue = createQueue({ name: "startupbenchmark", concurrency: 2, reconcile, metrics, log, timing });
    this.#benchmarks = this.#watch(STARTUP_BENCHMARKS);
    this.#jobs = this.#watch(JOBS, `${OURS},${BENCHMARK_LABEL}`);
    this.#cronJobs = this.#watch(CRON_JOBS, `${OURS},${BENCHMARK_LABEL}`);
    this.#pods = this.#watch(PODS, `${OURS},${BENCHMARK_LABEL},job-name`);
  }

  get depth(): number {
    return this.#queue.depth;
  }

  start(): void {
    const { starts, state } = this.#context;
    const addWaiting = (): void => {
      for (const key of this.#waiting) this.#queue.add(key);
    };
    this.#unsubscribe.push(state.pods.onChange(addWaiting), state.nodes.onChange(addWaiting));
    this.#benchmarks.store.onChange((before, after) => {
      const { metadata } = (after ?? before)!;
      if (after === undefined) starts.forget(keyOf(metadata));
      else starts.note(keyOf(metadata), after.status?.results);
      this.#queue.add(keyOf(metadata));
    });
    const ownerChanged = (before: KubeObject | undefined, after: KubeObject | undefined): void =>
      this.#ownerChanged((after ?? before)!);
    this.#jobs.store.onChange(ownerChanged);
    this.#cronJobs.store.onChange(ownerChanged);
    this.#pods.store.onChange(ownerChanged);
    for (const watch of this.#watches) {
      watch.start();
      void watch.whenKnown().then(() => this.resync());
    }
  }

  /** Looks at every benchmark again. */
  resync(): void {
    for (const key of this.#benchmarks.store.keys()) this.#queue.add(key);
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await Promise.all([...this.#watches.map((watch) => watch.stop()), this.#queue.stop()]);
  }

  /** Those of what is made, only where anything is. */
  get #watches(): OptionalWatch<KubeObject>[] {
    const made = this.#context.settings === undefined ? [] : [this.#jobs, this.#cronJobs, this.#pods];
    return [this.#benchmarks, ...made] as unknown as OptionalWatch<KubeObject>[];
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<WorkResult> {
    const { writer, settings, timing } = this.#context;
    const benchmark = this.#benchmarks.store.get(key);
    this.#waiting.delete(key);
    if (benchmark === undefined || !this.#watches.every(({ isKnown }) => isKnown)) return undefined;
    const [cronJob] = ownedBy(this.#cronJobs, benchmark);
    const jobs = ownedBy(this.#jobs, benchmark, cronJob);
    const observed: ObservedBenchmark = {
      benchmark,
      settings,
      nodes: this.#nodes(),
      jobs,
      pods: ownedBy(this.#pods, ...jobs),
      cronJob,
      nowMs: timing.date().getTime(),
    };
    const steps = planBenchmark(observed);
    if (isWithoutNode(steps.flat().findLast(({ kind }) => kind === "status")?.object ?? benchmark))
      this.#waiting.add(key);
    try {
      await writer.send(steps, signal);
    } catch (thrown) {
      if (isKubeError(thrown) && REFUSALS.has(thrown.code)) {
        const told = planBenchmark({ ...observed, refusal: thrown.message });
        await writer.send(told, signal);
        this.#tell(benchmark, told);
      }
      throw thrown;
    }
    this.#tell(benchmark, steps);
    const requeueAfterMs = patienceMs(observed);
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  }

  /** Records what a status says now that it did not say before. */
  #tell(benchmark: StartupBenchmark, steps: readonly (readonly Write[])[]): void {
    const { events } = this.#context;
    const written = steps.flat().find(({ kind }) => kind === "status")?.object as StartupBenchmark | undefined;
    if (written === undefined) return;
    for (const type of ["Complete", "Degraded"]) {
      const find = ({ status }: StartupBenchmark) => status?.conditions?.find((condition) => condition.type === type);
      const [before, now] = [find(benchmark), find(written)];
      if (now?.status !== "True" || (before?.status === "True" && before.reason === now.reason)) continue;
      const { reason, message: note } = now;
      events.record(benchmark, { type: type === "Complete" ? "Normal" : "Warning", reason, action: "Benchmark", note });
    }
  }

  /** Returns the nodes that have a ready node runtime and take pods. */
  #nodes(): BenchmarkNode[] {
    const { nodes, pods } = this.#context.state;
    return [...nodes.values()]
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .flatMap(({ metadata, spec, status }) => {
        const hostname = metadata.labels?.[HOSTNAME];
        const runtimes = pods
          .by("node", metadata.name)
          .filter((pod) => pod.metadata.labels?.[RUNTIME_LABEL] !== undefined);
        if (hostname === undefined || spec?.unschedulable === true || !runtimes.some(isPodReady)) return [];
        const imageBytes = (image: string): number | undefined =>
          status?.images?.find(({ names }) => names?.some((name) => isSameImage(name, image)))?.sizeBytes;
        return [{ name: metadata.name, hostname, imageBytes }];
      });
  }

  #ownerChanged({ metadata }: KubeObject): void {
    const name = metadata.labels?.[BENCHMARK_LABEL];
    if (name !== undefined) this.#queue.add(keyOf({ namespace: metadata.namespace, name }));
  }

  #watch<T extends KubeObject>(resource: Resource<T>, labelSelector?: string): OptionalWatch<T> {
    const { client, timing, log } = this.#context;
    return new OptionalWatch({
      client,
      resource,
      ...(labelSelector !== undefined && { labelSelector }),
      timing,
      onError: (thrown, retryAfterMs) =>
        log.warn(`the watch of ${resource.plural} broke`, {
          error: String(thrown),
          retryAfterMs: Math.round(retryAfterMs),
        }),
    });
  }
}

/** Returns what these own; labels say nothing: anybody may write ours on what is theirs. */
function ownedBy<T extends KubeObject>(
  { store }: OptionalWatch<T>,
  ...owners: readonly (KubeObject | undefined)[]
): T[] {
  return [...store.values()].filter((object) => owners.some((owner) => owner !== undefined && isOwn(owner, object)));
}

function isWithoutNode(benchmark: KubeObject): boolean {
  const { status } = benchmark as StartupBenchmark;
  return status?.conditions?.some(({ reason }) => reason === "NodeNotFound") === true;
}

/** Nodes tell whole names: `docker.io/library/hello:1` for `hello:1`. */
function isSameImage(told: string, image: string): boolean {
  return told === image || told.endsWith(`/${image}`);
}
