import type { Effort } from "../options.ts";
import type { Findings } from "../scenario.ts";
import { measureFairness } from "./fairness.ts";
import { measureGoodput } from "./goodput.ts";

/** Measures what a runtime still does when it is asked for more than it can, and then what a flooded app costs its neighbour. */
export async function measureOverload(effort: Effort): Promise<Findings> {
  const goodput = await measureGoodput(effort);
  const fairness = await measureFairness(effort);
  return {
    samples: [...goodput.samples, ...fairness.samples],
    notes: [...goodput.notes, ...fairness.notes],
    figures: { ...goodput.figures },
  };
}
