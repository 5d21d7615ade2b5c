import { describe, expect, test } from "vitest";
import { BASE_SCENARIOS } from "./base-scenarios.ts";
import { explorePlaces, exploreSeed, runOf } from "./explore.ts";
import { Random } from "./random.ts";
import { simulate } from "./simulation.ts";

/* As much as fits into a few seconds; `node operator/simulation/main.ts --minutes 10` goes on for longer. */

const FIXED_MS = 4000;
const FRESH_MS = 4000;
const PLACES_MS = 1000;

async function exploreSeeds(first: number, milliseconds: number): Promise<number> {
  const untilMs = performance.now() + milliseconds;
  let seed = first;
  do {
    expect(await exploreSeed(seed)).toBeUndefined();
    seed++;
  } while (performance.now() < untilMs);
  return seed - first;
}

describe("simulation", () => {
  test("a seed gives the same run each time", async () => {
    const [first, second] = [
      await simulate({ ...runOf(7), isVerbose: true }),
      await simulate({ ...runOf(7), isVerbose: true }),
    ];
    expect(first.log.length).toBeGreaterThan(100);
    expect(second.log).toEqual(first.log);
  });

  test("no rule is broken by seeds that are always the same", async () => {
    await exploreSeeds(1, FIXED_MS);
  });

  test("no rule is broken by seeds that nobody tried before", async () => {
    const first = Date.now() % 1_000_000_000;
    const count = await exploreSeeds(first, FRESH_MS);
    console.log(`simulated seeds ${first} to ${first + count - 1}`);
  });

  test.each(Object.entries(BASE_SCENARIOS))(
    "no rule is broken by a fault at any place of %s",
    async (name, scenario) => {
      const untilMs = performance.now() + PLACES_MS;
      for await (const finding of explorePlaces(name, scenario, new Random(Date.now()))) {
        expect(finding).toBeUndefined();
        if (performance.now() > untilMs) break;
      }
    },
  );
});
