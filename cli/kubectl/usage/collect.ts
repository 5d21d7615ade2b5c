import { messageOf } from "../../../common/errors.ts";
import type { Timing } from "../../../common/timing.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isKubeError } from "../../../kube/kube-error.ts";
import { pathOf, PODS, type Pod } from "../../../kube/resources.ts";
import { MANAGEMENT_PORT } from "../../../operator/runtimes/resources.ts";
import { readAppCounts, usageBetween, type AppUsage, type NodeSample } from "./app-usage.ts";

/** How long the metrics of all pods may take, each time, in milliseconds. */
const SAMPLE_TIMEOUT_MS = 20_000;

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
  const { intervalMs, timing, note } = options;
  const running = pods.filter(({ status }) => status?.phase === "Running");
  const first = await sampleAll(running, options, () => {});
  await timing.delay(intervalMs);
  const second = await sampleAll(running, options, note);
  const usages = running.flatMap((pod) => {
    const [before, after] = [first.get(pod), second.get(pod)];
    return before === undefined || after === undefined ? [] : usageBetween(nodeOf(pod), before, after);
  });
  return { usages, nodes: new Set([...second.keys()].map(nodeOf)).size };
}

async function sampleAll(
  pods: readonly Pod[],
  { client, timing }: CollectOptions,
  note: CollectOptions["note"],
): Promise<Map<Pod, NodeSample>> {
  const signal = AbortSignal.timeout(SAMPLE_TIMEOUT_MS);
  const samples = new Map<Pod, NodeSample>();
  await Promise.all(
    pods.map(async (pod) => {
      try {
        const text = await client.text(metricsPath(pod), signal);
        samples.set(pod, { atMs: timing.now(), apps: readAppCounts(text) });
      } catch (thrown) {
        if (isKubeError(thrown, "KUBE_FORBIDDEN")) throw thrown;
        note(`${nodeOf(pod)}: no metrics: ${messageOf(thrown)}`);
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
