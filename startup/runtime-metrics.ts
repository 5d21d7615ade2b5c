/*
 * What a node runtime tells in its metrics of an app: whether it is scaled to zero, and what woke it.
 */

const TIMEOUT_MS = 10_000;

/** Returns the value of a metric, added up over the series with these labels; null where there is none. */
export async function readMetric(managementUrl: string, metric: string, ...labels: string[]): Promise<number | null> {
  const response = await fetch(new URL("/metrics", managementUrl), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith(metric));
  const found = lines.filter((line) => labels.every((label) => line.includes(label)));
  if (found.length === 0) return null;
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
