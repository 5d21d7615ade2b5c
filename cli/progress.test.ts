import { expect, test } from "vitest";
import { Progress } from "./progress.ts";

function fakeStream(
  isTTY: boolean,
  columns = 20,
): { isTTY: boolean; columns: number; text: string; write: (t: string) => void } {
  return {
    isTTY,
    columns,
    text: "",
    write(part: string): void {
      this.text += part;
    },
  };
}

const CLEAR = "\r\u001B[K";

test("progress: each step is a line of its own where nobody watches", () => {
  const stream = fakeStream(false);
  const progress = new Progress(stream);
  for (const step of ["one", "one", "two"]) progress.show(step);
  progress.print("note");
  progress.clear();
  expect(stream.text).toBe("one\ntwo\nnote\n");
});

test("progress: one line changes on a terminal, printed lines stay above it", () => {
  const stream = fakeStream(true);
  const progress = new Progress(stream);
  progress.show("one");
  progress.print("note");
  progress.show("two");
  progress.clear();
  progress.print("end");
  expect(stream.text).toBe(`${CLEAR}one${CLEAR}note\n${CLEAR}one${CLEAR}two${CLEAR}end\n`);
});

test("progress: the live line never wraps", () => {
  const stream = fakeStream(true, 8);
  new Progress(stream).show("0123456789");
  expect(stream.text).toBe(`${CLEAR}012345…`);
  const unknown = fakeStream(true, 0);
  new Progress(unknown).show("0123456789");
  expect(unknown.text).toBe(`${CLEAR}0123456789`);
});
