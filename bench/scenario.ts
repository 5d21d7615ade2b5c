import type { Effort } from "./options.ts";
import type { Sample } from "./stats.ts";

/** Numbers of a whole run that are no request's time. */
export interface Figures {
  /** Apps that one process carried at once, after one request each. */
  liveApps: number;
  /** Bytes resident of each of them. */
  residentBytesEach: number;
  /** Requests to a neighbour of a runaway guest that were not answered with 200. */
  failedNeighbourRequests: number;
  /** Most that one of the runtime's processes had resident under overload, more than at its peak. */
  overloadGrownMiB: number;
  /** Requests for health and metrics under overload that were not answered with 200 within a second. */
  failedManagementRequests: number;
}

/** What a scenario reports beside its samples. */
export interface Findings {
  samples: Sample[];
  /** Peers that are not there, and what differs from an arm's name: for people. */
  notes: string[];
  figures?: Partial<Figures>;
}

/** One thing that the benchmark measures. */
export type Scenario = (effort: Effort) => Promise<Findings>;
