import { prepareMutants } from "./mutants.ts";

/** What the test asks of this process, once. */
export interface MutantsRequest {
  file: string;
  firstSeed: number;
  endSeed: number;
  folder: string;
}

process.once("message", async ({ file, firstSeed, endSeed, folder }: MutantsRequest) => {
  const reply = await prepareMutants(file, firstSeed, endSeed, folder);
  process.send!(reply, undefined, undefined, () => process.exit(0));
});
