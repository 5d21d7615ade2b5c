import { messageOf } from "../../../common/errors.ts";
import type { Timing } from "../../../common/timing.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import { pathOf, PODS, type Pod } from "../../../kube/resources.ts";
import { MANAGEMENT_PORT } from "../../../operator/runtimes/resources.ts";
import { readAppCounts, usageBetween, type AppUsage, type NodeSample } from "./app-usage.ts";

/** How long the metrics of all pods may take, each time, in milliseconds: a node that is gone answers nothing. */
const SAMPLE_TIMEOUT_MS = 10_000;

/** How usage is measured. */
export interface CollectOptions {
  client: Pick<KubeClient, "text">;
  /** Milliseconds between the two looks. */
  intervalMs: number;
  /** Told of pods that give no metrics. */
  note: (message: string) => void;
  timing: Timing;
}

/** What was measured, and of how many nodes. */
export interface Usage {
  usages: AppUsage[];
  nodes: number;
}

/** Returns what apps do on the nodes of these pods, by two looks at their metrics. Throws KUBE_FORBIDDEN. */
export async function collectUsage(pods: readonly Pod[], options: CollectOptions): Promise<Usage> {
  const { intervalMs, timing } = options;
  const running = pods.filter(({ status }) => status?.phase === "Running");
  const first = await sampleAll(running, options);
  await timing.delay(intervalMs);
  // Who did not answer is not waited for again.
  const second = await sampleAll([...first.keys()], options);
  const usages = [...second].flatMap(([pod, after]) => usageBetween(nodeOf(pod), first.get(pod)!, after));
  return { usages, nodes: new Set([...second.keys()].map(nodeOf)).size };
}

async function sampleAll(
  pods: readonly Pod[],
  { client, timing, note }: CollectOptions,
): Promise<Map<Pod, NodeSample>> {
  const signal = AbortSignal.timeout(SAMPLE_TIMEOUT_MS);
  const samples = new Map<Pod, NodeSample>();
  await Promise.all(
    pods.map(async (pod) => {
      try {
        const text = await client.text(metricsPath(pod), signal);
        samples.set(pod, { atMs: timing.now(), apps: readAppCounts(text) });
      } catch (thrown) {
        // The API server says so with a reason; without one it was somebody behind it, who speaks for one pod.
        if (isKubeError(thrown, "KUBE_FORBIDDEN") && thrown.facts.reason !== undefined) throw thrown;
        const why = signal.aborted ? `no answer in ${SAMPLE_TIMEOUT_MS / 1000} s` : messageOf(thrown);
        note(`${nodeOf(pod)}: no metrics: ${why}`);
      }
    }),
  );
  return samples;
}

/** The API server reaches pods where this machine may not; its proxy takes the port behind the name. */
function metricsPath({ metadata: { namespace, name } }: Pod): string {
  return `${pathOf(PODS, { namespace, name: `${name}:${MANAGEMENT_PORT}`, subresource: "proxy" })}/metrics`;
}

function nodeOf({ metadata, spec }: Pod): string {
  return spec?.nodeName ?? metadata.name;
}
