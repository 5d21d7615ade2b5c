import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { CORPUS, findKinds } from "./corpus.ts";
import { HostileRun } from "./runner.ts";

/** Runtimes that share the corpus: each kind has the thread of its cell for up to a second. */
const RUNTIMES = Math.min(4, availableParallelism());
const TIMEOUT_MS = 300_000;

test("corpus: it has more than 60 kinds, each with a name of its own", () => {
  const names = findKinds([]).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(60);
});

test(
  "contract: hostile guests and clients cost nobody but themselves",
  async () => {
    const kinds = findKinds([]);
    const parts = Array.from({ length: RUNTIMES }, (_, part) =>
      kinds.filter((_kind, index) => index % RUNTIMES === part),
    );
    await using started = new AsyncDisposableStack();
    const runs = await Promise.all(
      parts.map(async (part) => ({ part, run: started.adopt(await HostileRun.start(part), (one) => one.stop()) })),
    );
    const found = await Promise.all(runs.map(({ run, part }) => attackAll(run, part)));
    expect(Object.assign({}, ...found)).toEqual({});
  },
  TIMEOUT_MS,
);

test("corpus: names pick kinds and themes", () => {
  expect(findKinds(["logs", "loop-empty"])).toEqual([CORPUS.cpu[0], ...CORPUS.logs]);
  expect(() => findKinds(["lgos"])).toThrow("lgos");
});

/** Returns the problems of a part of the corpus by kind. */
async function attackAll(run: HostileRun, kinds: ReturnType<typeof findKinds>): Promise<Record<string, string[]>> {
  const verdicts = await run.attackAll(kinds);
  const problems = verdicts.filter((verdict) => verdict.problems.length > 0);
  expect(await run.isHealthy()).toBe(true);
  return Object.fromEntries(problems.map(({ kind, problems: told }) => [kind.name, told]));
}
