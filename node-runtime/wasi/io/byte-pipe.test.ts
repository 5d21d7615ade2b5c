import fc from "fast-check";
import { expect, test } from "vitest";
import { BytePipe } from "./byte-pipe.ts";

test("BytePipe: what is written within the capacity comes out in order, whatever the sizes", () => {
  const sizes = fc.integer({ min: 1, max: 50 });
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(sizes, { minLength: 1 }), (writes, reads) => {
      const pipe = new BytePipe(100);
      const [given, taken]: number[][] = [[], []];
      let turn = 0;
      const takeOne = (): boolean => {
        const chunk = pipe.take(reads[turn++ % reads.length]!);
        taken!.push(...(chunk ?? []));
        return chunk instanceof Uint8Array;
      };
      for (const bytes of writes) {
        while (pipe.capacity()! < bytes.length) takeOne();
        pipe.write(bytes);
        given!.push(...bytes);
        expect(pipe.queuedBytes).toBeLessThanOrEqual(100);
      }
      pipe.end();
      while (takeOne());
      expect(taken).toEqual(given);
      expect(pipe.take(1)).toBeNull();
    }),
  );
});

test("BytePipe: a failure comes after the bytes before it", () => {
  const pipe = new BytePipe();
  pipe.write(Buffer.from("ab"));
  pipe.fail(new Error("cut"));
  expect(Buffer.from(pipe.take(10)!).toString()).toBe("ab");
  expect(() => pipe.take(10)).toThrow("cut");
});

test("BytePipe: a reader that goes away closes the writer and wakes it", () => {
  const pipe = new BytePipe();
  let woken = 0;
  pipe.write(Buffer.from("ab"));
  pipe.subscribe(() => woken++);
  pipe.cancel();
  expect(pipe.capacity()).toBeNull();
  expect(woken).toBeGreaterThan(0);
  expect(pipe.queuedBytes).toBe(0);
});

test("BytePipe: small writes that wait are kept together, and come out as they were written", () => {
  const pipe = new BytePipe();
  const given: number[] = [];
  for (let index = 0; pipe.capacity()! > 2000; index++) {
    const bytes = Uint8Array.from({ length: index % 1000 === 999 ? 1500 : (index % 3) + 1 }, () => index);
    pipe.write(bytes);
    given.push(...bytes);
  }
  const chunks: Uint8Array[] = [];
  for (let chunk = pipe.take(3000); chunk instanceof Uint8Array; chunk = pipe.take(3000)) chunks.push(chunk);
  expect(chunks.length).toBeLessThan(150);
  expect(Buffer.concat(chunks).equals(Buffer.from(given))).toBe(true);
});
