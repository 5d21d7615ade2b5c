import fc from "fast-check";
import { expect, test } from "vitest";
import { lastOf, mergeSorted, splitLines } from "./lines.ts";

async function* from<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve();
    yield item;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test("lines: however the bytes come, the lines are the same", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom("a", "é", "\n") }),
      fc.integer({ min: 1, max: 7 }),
      async (text, size) => {
        const bytes = Buffer.from(text);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
          bytes.subarray(n * size, (n + 1) * size),
        );
        const expected = text.endsWith("\n") || text === "" ? text.split("\n").slice(0, -1) : text.split("\n");
        expect(await collect(splitLines(from(chunks)))).toEqual(expected);
      },
    ),
  );
});

test("lines: one that is too long is left out, and what follows it is read", async () => {
  const chunks = ["a\n", "12345", "67890", "\nb\n", "too long too"].map((text) => Buffer.from(text));
  expect(await collect(splitLines(from(chunks), 8))).toEqual(["a", "b"]);
});

test("tail: contract: it is the end of what came, bounded in lines and in length", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 5 })),
      fc.nat(8),
      fc.nat(20),
      async (messages, count, maxLength) => {
        const kept = (await lastOf(from(messages.map((message) => ({ message }))), count, maxLength)).map(
          ({ message }) => message,
        );
        expect(kept.length).toBeLessThanOrEqual(count);
        expect(kept.join("").length).toBeLessThanOrEqual(maxLength);
        expect(messages.slice(messages.length - kept.length)).toEqual(kept);
        const next = messages.at(-kept.length - 1);
        if (kept.length < Math.min(count, messages.length))
          expect(kept.join("").length + next!.length).toBeGreaterThan(maxLength);
      },
    ),
  );
});

test("tail: the last of many are kept", async () => {
  const lines = Array.from({ length: 5000 }, (_, n) => ({ message: String(n) }));
  expect(await lastOf(from(lines), 2, 1000)).toEqual([{ message: "4998" }, { message: "4999" }]);
});

test("merge: several ordered sources become one, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(20)), { maxLength: 4 }), async (lists) => {
      const sorted = lists.map((list) => list.toSorted((a, b) => a - b));
      const merged = await collect(mergeSorted(sorted.map(from), (a, b) => a < b));
      expect(merged).toEqual(lists.flat().toSorted((a, b) => a - b));
    }),
  );
});

test("merge: who leaves early lets go of every source", async () => {
  let open = 2;
  const endless = async function* (): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n++) yield n;
    } finally {
      open--;
    }
  };
  for await (const n of mergeSorted([endless(), endless()], (a, b) => a < b)) if (n === 3) break;
  expect(open).toBe(0);
});
