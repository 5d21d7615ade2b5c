import type { Effort } from "./options.ts";
import type { Sample } from "./stats.ts";

/** What a scenario reports beside its samples. */
export interface Findings {
  samples: Sample[];
  /** Peers that are not there, and what differs from an arm's name: for people. */
  notes: string[];
  /** Bytes resident of each live instance, where that was measured. */
  residentBytesEach?: number;
}

/** One thing that the benchmark measures. */
export type Scenario = (effort: Effort) => Promise<Findings>;
