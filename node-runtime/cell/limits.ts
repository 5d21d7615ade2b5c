/** The limits that stop something, as `limit_hits_total` counts them (docs/limits.md). */
export const LIMITS = [
  "concurrency",
  "connections",
  "cpu_time",
  "disk_space",
  "informational",
  "queue_time",
  "request_body",
  "request_timeout",
  "requests_per_second",
  "volume_size",
] as const;

/** One of them. */
export type Limit = (typeof LIMITS)[number];
