/*
 * Rules of Prometheus (https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/), and what an alert of ours
 * has beside them.
 */

/** How much an alert hurts: `critical` is to wake somebody, `warning` is for the working day, `info` is for who looks. */
type Severity = "critical" | "warning" | "info";

/** An alert as its file tells it. */
export interface Alert {
  name: string;
  severity: Severity;
  /** How long its expression must hold, as `10m`. */
  for: string;
  expr: string;
  /** In one line, with templates of Prometheus. */
  summary: string;
  /** What is the case and why it matters. */
  description: string;
}

/** A series that Prometheus computes ahead. */
export interface Recording {
  /** Its labels, the metric and what was done: `namespace_app:wasmlet_requests:rate5m`. */
  record: string;
  expr: string;
}

/** Rules that are evaluated together, in order. */
export interface RuleGroup {
  name: string;
  rules: readonly (Alert | Recording)[];
}

export function isAlert(rule: Alert | Recording): rule is Alert {
  return "severity" in rule;
}
