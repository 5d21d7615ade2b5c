import type { Static } from "typebox";
import type { BenchmarkSpec, BenchmarkStatus } from "./definition.ts";
import type { StartupResults } from "./results.ts";

/** What is compared, with its defaults filled in. */
export type StartupBenchmarkSpec = Static<typeof BenchmarkSpec>;

/** What the operator and the probe report of it. */
export type StartupBenchmarkStatus = Static<typeof BenchmarkStatus>;

/** What a run has found so far. */
export type BenchmarkResults = Static<typeof StartupResults>;
