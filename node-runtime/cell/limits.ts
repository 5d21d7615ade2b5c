/** The limits that stop something, as `limit_hits_total` counts them (docs/limits.md). */
export const LIMITS = [
  "concurrency",
  "cpu_time",
  "informational",
  "queue_time",
  "request_body",
  "request_timeout",
  "requests_per_second",
] as const;

/** One of them. */
export type Limit = (typeof LIMITS)[number];
