import { expect, test } from "vitest";
import { smallComparison } from "./fixtures.ts";
import { fakeDriver } from "./fake-driver.ts";
import { Probe } from "./probe.ts";
import { takesPart, takeTurns } from "./turns.ts";

const signal = new AbortController().signal;

async function take(
  drivers: ReturnType<typeof fakeDriver>[],
  rounds: number,
): Promise<ReturnType<typeof smallComparison>> {
  const found = { ...smallComparison(), samples: [], missing: [] };
  await using probe = await Probe.start();
  await takeTurns(drivers, probe, { samples: rounds, onProgress: () => {}, signal }, found);
  return found;
}

test("turns: all are started in every round, after one that does not count", async () => {
  const [a, b] = [fakeDriver("a"), fakeDriver("b")];
  const { samples } = await take([a, b], 2);
  expect(samples.map(({ round, contender }) => `${round} ${contender}`)).toEqual(["1 a", "1 b", "2 a", "2 b"]);
  expect([a.started, a.stopped]).toEqual([3, 3]);
});

test("turns: one that takes long takes part in as many as it says, and is told of by them", async () => {
  const { samples } = await take([fakeDriver("a"), { ...fakeDriver("slow"), maxSamples: 2 }], 6);
  const rounds = samples.filter(({ contender }) => contender === "slow").map(({ round }) => round);
  expect(rounds).toEqual([3, 6]);
});

test.each([
  [30, 10],
  [7, 3],
  [3, 10],
  [1, 1],
])(
  "turns: of %d rounds one with at most %d starts takes part in just so many, and in the one that warms up",
  (rounds, most) => {
    const own = Array.from({ length: rounds }, (_, index) => index + 1).filter((round) =>
      takesPart(round, rounds, most),
    );
    expect(own).toHaveLength(Math.min(rounds, most));
    expect(takesPart(0, rounds, most)).toBe(true);
  },
);

test("turns: one that fails is gone from all that was found, and the others go on", async () => {
  const failing = fakeDriver("failing", { failsAt: 2 });
  const drivers = [failing, fakeDriver("b")];
  const { samples, missing } = await take(drivers, 3);
  expect(samples.map(({ contender }) => contender)).toEqual(["b", "b", "b"]);
  expect(missing).toEqual([{ contender: "failing", why: "start 2 failed: it did not start" }]);
  expect(drivers).toHaveLength(1);
  expect(failing.disposed).toBe(1);
});
