/**
 * Fields of the API that the node runtime of this version refuses, so that nobody relies on them. The page of the kind
 * marks them.
 */
export const REFUSED_FIELDS = ["spec.trigger.cron"] as const;

/** One of them. */
export type RefusedField = (typeof REFUSED_FIELDS)[number];
