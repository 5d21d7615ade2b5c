import { judgeMutants, type MutantKind } from "./mutants.ts";

/** What a judge is asked, once; it answers with a verdict per mutant. */
export interface JudgeRequest {
  kind: MutantKind;
  seeds: [first: number, end: number];
  folder: string;
}

process.once("message", async ({ kind, seeds: [first, end], folder }: JudgeRequest) => {
  const seeds = Array.from({ length: end - first }, (_, index) => first + index);
  await judgeMutants(kind, seeds, folder, (verdict) => process.send!(verdict));
  process.disconnect!();
});
// Whoever asked is gone: a mutant may have this thread until then, and no longer.
process.once("disconnect", () => process.exit());
