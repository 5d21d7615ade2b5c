import { expect, test } from "vitest";
import { PAGE_SHIFT, SLACK_BYTES, WRITES_MEMORY, WrittenPages } from "./write-marks.ts";

const PAGE_BYTES = 1 << PAGE_SHIFT;
const marks = new Uint8Array(WRITES_MEMORY.buffer);

function makePages(wasmPages = 2): { pages: WrittenPages; memory: WebAssembly.Memory } {
  const [pages, memory] = [new WrittenPages(), new WebAssembly.Memory({ initial: wasmPages })];
  pages.watch(memory);
  pages.take();
  return { pages, memory };
}

/** Ranges in pages, without the slack. */
function rangesOf(pages: WrittenPages): [number, number][] {
  const ranges: [number, number][] = [];
  pages.forEachRange((from, to) =>
    ranges.push([from === 0 ? 0 : (from + SLACK_BYTES) / PAGE_BYTES, (to - SLACK_BYTES) / PAGE_BYTES]),
  );
  return ranges;
}

test("forEachRange: neighbours are one range, with slack before and behind", () => {
  const { pages } = makePages();
  for (const page of [0, 4, 5, 6, 9]) marks[page] = 1;
  expect(rangesOf(pages)).toEqual([
    [0, 1],
    [4, 7],
    [9, 10],
  ]);
  pages.clear();
  expect(rangesOf(pages)).toEqual([]);
});

test("take: marks stay with who ran, however often they take turns", () => {
  const one = makePages().pages;
  marks[1] = 1;
  const other = makePages().pages;
  marks[2] = 1;
  one.take();
  marks[3] = 1;
  other.take();
  expect([rangesOf(one), rangesOf(other)]).toEqual([
    [
      [1, 2],
      [3, 4],
    ],
    [[2, 3]],
  ]);
});

test("leave: marks stay with who ran last, and do not come to who runs next", () => {
  const one = makePages().pages;
  marks[1] = 1;
  WrittenPages.leave();
  const other = makePages().pages;
  marks[2] = 1;
  expect([rangesOf(one), rangesOf(other)]).toEqual([[[1, 2]], [[2, 3]]]);
});

test("take: a page that the memory got by growing counts", () => {
  const { pages, memory } = makePages(1);
  marks[3] = 1;
  makePages();
  pages.take();
  memory.grow(1);
  marks[20] = 1;
  expect(rangesOf(pages)).toEqual([
    [3, 4],
    [20, 21],
  ]);
});

test.each([
  [0, 0, []],
  [4095, 1, [[0, 1]]],
  [4095, 2, [[0, 2]]],
  [4096, 8193, [[1, 4]]],
])("mark: %i, %i bytes", (start, size, ranges) => {
  const { pages } = makePages();
  pages.mark(start, size);
  expect(rangesOf(pages)).toEqual(ranges);
});
