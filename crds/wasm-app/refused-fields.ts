/**
 * Fields of the API that the node runtime of this version refuses, so that nobody relies on them. The page of the kind
 * marks them; `spec.source.oci` is read where the annotation wasmlet.dev/source-path stands in for it.
 */
export const REFUSED_FIELDS = [
  "spec.source.oci",
  "spec.trigger.cron",
  "spec.files[].emptyDir.sizeLimit",
  "spec.limits.cpuTimePerRequest",
  "spec.limits.requestsPerSecond",
] as const;

/** One of them. */
export type RefusedField = (typeof REFUSED_FIELDS)[number];
