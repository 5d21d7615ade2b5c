/*
 * PromQL by its parts. Grafana puts in $__rate_interval: at least four scrapes, and never less than the distance of two
 * points.
 */

/** Which series of one app are meant, on which nodes. */
export const OF_APP = 'namespace="$namespace",app="$app",node=~"$node"';

/** Which series of all apps are meant. */
export const OF_APPS = 'namespace=~"$namespace",node=~"$node"';

/** Which series of nodes are meant. */
export const OF_NODES = 'node=~"$node"';

/** Returns how much a counter grows in a second, summed by labels. */
export function rateBy(labels: readonly string[], metric: string, selector = ""): string {
  return sumBy(labels, `rate(${metric}${braced(selector)}[$__rate_interval])`);
}

/** Returns a sum by labels; without labels, of everything. */
export function sumBy(labels: readonly string[], expression: string): string {
  return labels.length === 0 ? `sum(${expression})` : `sum by (${labels.join(", ")}) (${expression})`;
}

/** Returns a quantile of a histogram's recent samples, by labels. */
export function quantileBy(quantile: number, labels: readonly string[], histogram: string, selector = ""): string {
  return `histogram_quantile(${quantile}, ${rateBy(["le", ...labels], `${histogram}_bucket`, selector)})`;
}

/** Returns the share of a counter's growth that a narrower selector has; 0 where nothing of it grew. */
export function shareBy(labels: readonly string[], metric: string, narrow: string, selector: string): string {
  const part = rateBy(labels, metric, `${narrow},${selector}`);
  const whole = rateBy(labels, metric, selector);
  return `(${part} or 0 * ${whole}) / (${whole} > 0)`;
}

function braced(selector: string): string {
  return selector === "" ? "" : `{${selector}}`;
}
