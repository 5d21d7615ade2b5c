import { expect, test } from "vitest";
import { LineChild } from "./line-child.ts";

function childOf(code: string): LineChild {
  return new LineChild(process.execPath, ["-e", code]);
}

const ECHO = `require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => console.log(line))`;

test("line child: answers are those of their commands, in order", async () => {
  const child = childOf(ECHO);
  expect(await child.ask("1")).toBe(1);
  expect(await child.measure('{"latenciesNanos":[5],"cpuNanos":7}')).toEqual({ latenciesNanos: [5], cpuNanos: 7 });
  await child.stop();
});

test("line child: an answer without measurements is refused", async () => {
  const child = childOf(ECHO);
  await expect(child.measure('{"live":1}')).rejects.toThrow('got {"live":1}');
  await child.stop();
});

test("line child: one that ends rejects what waits and what comes, with what it printed", async () => {
  const child = childOf(`console.error("out of slots"); process.stdin.once("data", () => process.exit(4))`);
  await expect(child.ask("1")).rejects.toThrow(/ended with 4: out of slots/);
  await expect(child.ask("2")).rejects.toThrow(/ended with 4/);
});

test("line child: a program that is not there rejects", async () => {
  await expect(new LineChild("no-such-command-of-wasmlet", []).ask("1")).rejects.toThrow("ENOENT");
});
