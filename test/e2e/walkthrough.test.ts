import { expect, test } from "vitest";
import { matches, readSteps } from "./walkthrough.ts";

test("walkthrough: reads commands in order, with their lines and what they print", () => {
  const page = "# Page\n\n```sh\na\nb \\\n  c\n```\n\n```text\nout\n```\n\n```yaml\nx: y\n```\n";
  expect(readSteps(page)).toEqual([
    { command: "a", line: 4 },
    { command: "b \\\n  c", line: 5, output: "out\n" },
  ]);
});

test.each([
  ["NAME   AGE\nhello  12s\n", "NAME AGE\nhello …\n", true],
  ["NAME   AGE\nhello  12s\nother  3s\n", "NAME AGE\nhello …\n", false],
  ["hello-12ab  (x)\n", "hello-…   (x)", true],
  ["hello x\n", "hello y", false],
])("walkthrough: %j against %j is %j", (text, shown, expected) => {
  expect(matches(text, shown)).toBe(expected);
});
