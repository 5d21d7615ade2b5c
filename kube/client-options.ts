import type { Timing } from "../common/timing.ts";

/** Who we are to the API server, and how much of it we ask at once. */
export interface KubeClientOptions {
  /** Owns the fields that we apply: `wasmlet-operator`. */
  fieldManager: string;
  /** Connections for requests; each watch has one more of its own. */
  maxConnections?: number;
  timing?: Timing;
}

/** Which objects are meant. */
export interface Selection {
  /** Those of one namespace; without it, of all. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export interface ListOptions extends Selection {
  /** `"0"` takes what the API server has in its cache, however old; without it the list is what is true now. */
  resourceVersion?: string | undefined;
  resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  /** Objects per page. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface WatchOptions extends Selection {
  /** Where to go on: the version of a list, or of the last event or bookmark. */
  resourceVersion: string;
  /** When the API server ends the watch, in seconds. */
  timeoutSeconds?: number;
  /** Silence that counts as a broken connection, in milliseconds: a bookmark comes about every minute. */
  silenceMs?: number;
  signal?: AbortSignal | undefined;
}

export interface WriteOptions {
  /** `status`, `scale`. */
  subresource?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes over fields that another manager owns; true unless said otherwise, as controllers should. */
  force?: boolean;
  fieldManager?: string;
}

export interface PatchOptions extends WriteOptions {
  /** The version that the object must still have. */
  resourceVersion?: string | undefined;
  /** Has the API server judge the change and say what would come of it, without keeping it. */
  dryRun?: boolean | undefined;
}

export interface DeleteOptions {
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  propagation?: "Background" | "Foreground" | "Orphan";
  gracePeriodSeconds?: number;
  signal?: AbortSignal | undefined;
}

export type DeleteOutcome = "deleted" | "deleting" | "absent";

export interface LogOptions {
  container?: string;
  follow?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  /** Lines from then on, in RFC 3339; the API server knows whole seconds. */
  sinceTime?: string;
  /** Puts the time before each line, in RFC 3339 with nanoseconds, and a space. */
  timestamps?: boolean;
  signal?: AbortSignal | undefined;
}

/** What a token of a ServiceAccount is for. */
export interface TokenRequest {
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: { apiVersion: string; kind: string; name: string; uid?: string };
}
