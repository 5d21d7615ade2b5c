import { createHash } from "node:crypto";
import { messageOf } from "../common/errors.ts";
import type { Timing } from "../common/timing.ts";
import type { BenchmarkResults, StartupBenchmarkSpec } from "../crds/startup-benchmark/types.ts";
import { KubeClient } from "../kube/client.ts";
import type { Connection } from "../kube/connection.ts";
import { KubeError } from "../kube/kube-error.ts";
import { STARTUP_BENCHMARKS, type StartupBenchmark } from "../operator/objects.ts";
import { BENCHMARK_LABEL } from "../operator/benchmarks/resources.ts";
import { toResults } from "./benchmark-results.ts";
import { KubeSession } from "./drivers/kube-session.ts";
import { compareStarts, machineOf, type Comparison } from "./measure.ts";
import { requireBinary } from "./program.ts";

/*
 * The probe of a StartupBenchmark: a pod on the node that is measured. It reads what is asked for, compares, and tells what it
 * found in the status. Everything that it starts belongs to its pod, and so goes with it, whatever happens.
 */

/** What a probe is told. */
export interface ProbeOptions {
  connection: Connection;
  namespace: string;
  benchmark: string;
  pod: { name: string; uid: string };
  /** Label `kubernetes.io/hostname` of the node. */
  hostname: string;
  /** The image that the probe itself runs from: the native program is in it, too. */
  image: string;
  /** Bytes of somebody's own image, where the node tells. */
  imageBytes?: number | undefined;
  searchPath: string;
  onProgress: (step: string, share: number) => void;
  timing: Timing;
  signal: AbortSignal;
}

/** How often what was found so far is told. */
const REPORT_MS = 3000;
const MAX_ERROR = 2000;

/** Runs a benchmark once; returns what it found. Throws KUBE_* where the cluster cannot be used. */
export async function runBenchmark(options: ProbeOptions): Promise<BenchmarkResults> {
  const { connection, namespace, benchmark, pod, timing, signal } = options;
  const client = new KubeClient(connection, { fieldManager: "wasmlet-startup-probe", timing });
  try {
    const found = await client.get(STARTUP_BENCHMARKS, { namespace, name: benchmark }, { signal });
    if (found === undefined)
      throw new KubeError("KUBE_NOT_FOUND", `there is no StartupBenchmark ${namespace}/${benchmark}`);
    const { spec, metadata } = found;
    const run = { generation: metadata.generation ?? 0, run: pod.name, rounds: spec.samples };
    const report = new Reporter((results) => tell(client, { namespace, name: benchmark }, results), timing);
    await using session = KubeSession.in({
      client,
      namespace,
      // Short, whatever the benchmark is called: an app's name has 63 characters at most.
      prefix: `startup-${createHash("sha256").update(pod.uid).digest("hex").slice(0, 8)}`,
      nodeSelector: { "kubernetes.io/hostname": options.hostname },
      owner: { apiVersion: "v1", kind: "Pod", ...pod },
      labels: { [BENCHMARK_LABEL]: benchmark },
      signal,
    });
    let latest = toResults(nothingYet(timing), run);
    try {
      const comparison = await compareStarts({
        technologies: spec.technologies,
        samples: spec.samples,
        isWhole: false,
        kernelRoots: ["/"],
        searchPath: options.searchPath,
        session,
        app: { ...spec.app, path: spec.path },
        container: containerOf(spec, options),
        onProgress: options.onProgress,
        onFound: (comparisonSoFar) => {
          latest = toResults(comparisonSoFar, run);
          report.soon(latest);
        },
        signal,
      });
      latest = toResults(comparison, { ...run, finishedAt: timing.date().toISOString() });
    } catch (thrown) {
      // Whoever ended the pod knows why.
      const told = signal.aborted ? latest : { ...latest, error: messageOf(thrown).slice(0, MAX_ERROR) };
      await report.last(told).catch(() => {});
      throw thrown;
    }
    await report.last(latest);
    return latest;
  } finally {
    await client.close();
  }
}

function nothingYet(timing: Timing): Comparison {
  const machine = machineOf();
  const startedAt = timing.date().toISOString();
  return { startedAt, machine, contenders: [], samples: [], missing: [], speed: [], reach: [] };
}

function containerOf(
  { container, path }: StartupBenchmarkSpec,
  { image, imageBytes }: ProbeOptions,
): Parameters<typeof compareStarts>[0]["container"] {
  if (container === undefined) return { image, command: [requireBinary()], path };
  return { ...container, path, isForeign: true, imageBytes };
}

async function tell(
  client: KubeClient,
  ref: { namespace: string; name: string },
  results: BenchmarkResults,
): Promise<void> {
  const { apiVersion, kind } = STARTUP_BENCHMARKS;
  const object = { apiVersion, kind, metadata: ref, status: { results } };
  await client.apply(STARTUP_BENCHMARKS, object as unknown as StartupBenchmark, { subresource: "status" });
}

/** Tells results now and then, the latest ones, one request at a time; a failure in between is made good by the next. */
class Reporter {
  readonly #tell: (results: BenchmarkResults) => Promise<void>;
  readonly #timing: Timing;
  #lastMs = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> = Promise.resolve();

  constructor(tellResults: (results: BenchmarkResults) => Promise<void>, timing: Timing) {
    this.#tell = tellResults;
    this.#timing = timing;
  }

  soon(results: BenchmarkResults): void {
    const nowMs = this.#timing.date().getTime();
    if (nowMs - this.#lastMs < REPORT_MS) return;
    this.#lastMs = nowMs;
    this.#sending = this.#sending.then(() => this.#tell(results)).catch(() => {});
  }

  async last(results: BenchmarkResults): Promise<void> {
    await this.#sending;
    await this.#tell(results);
  }
}
