import type { TestContext } from "vitest";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { SYSTEM_NAMESPACE } from "./installed-wasmlet.ts";

const OPERATOR = ["-l", "app.kubernetes.io/component=operator"];

/** What says most about a cluster in which something did not happen. */
const QUESTIONS: readonly (readonly string[])[] = [
  ["get", "nodes", "-o", "wide"],
  ["get", "pods", "--all-namespaces", "-o", "wide"],
  ["get", "wasmruntimes,wasmapps,wasmreplicas,startupbenchmarks", "--all-namespaces", "-o", "wide"],
  ["get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"],
  ["-n", SYSTEM_NAMESPACE, "logs", ...OPERATOR, "--prefix", "--tail=30"],
];
const MAX_LINES = 40;

/** Prints how the cluster is when the test has failed: what can only be seen then. */
export function tellOnFailure({ onTestFailed }: TestContext, cluster: () => Cluster): void {
  onTestFailed(() => tell(cluster()));
}

/** Does what a test mends afterwards; prints how the cluster is when that fails, before it is mended. */
export async function telling(cluster: Cluster, work: () => Promise<void>): Promise<void> {
  await work().catch(async (thrown: unknown) => {
    await tell(cluster);
    throw thrown;
  });
}

async function tell(cluster: Cluster): Promise<void> {
  process.stderr.write(`${await report(cluster)}\n`);
}

async function report(cluster: Cluster): Promise<string> {
  const parts: string[] = [];
  for (const question of QUESTIONS) {
    const answer = await cluster.kubectl(question, { timeoutMs: 15_000 }).catch(String);
    parts.push(`$ kubectl ${question.join(" ")}`, ...answer.trimEnd().split("\n").slice(-MAX_LINES));
  }
  return parts.join("\n");
}
