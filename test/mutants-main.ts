import { judgeMutants, type MutantKind } from "./mutants.ts";

/** What the test asks of this process, once; it answers with a verdict per mutant. */
export interface MutantsRequest {
  kind: MutantKind;
  seeds: [first: number, end: number];
  folder: string;
}

process.once("message", async ({ kind, seeds, folder }: MutantsRequest) => {
  await judgeMutants(kind, seeds, folder, (verdict) => process.send!(verdict));
  process.disconnect!();
});
