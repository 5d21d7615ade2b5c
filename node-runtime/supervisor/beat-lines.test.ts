import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { Beat } from "../cell/beat.ts";
import { readBeats } from "./beat-lines.ts";

test("readBeats: takes beats however they are cut into pieces, and nothing else", async () => {
  const stream = new PassThrough();
  const beats: Beat[] = [];
  readBeats(stream, (beat) => beats.push(beat));
  const line = '{"app":3,"loopMs":1,"hostMs":0,"isStuck":false}\n';
  const bad = ["no JSON\n", '{"app":-1,"loopMs":1,"hostMs":0,"isStuck":false}\n', "null\n", `${"x".repeat(10_000)}\n`];
  for (const piece of [line.slice(0, 10), line.slice(10) + line, ...bad, line, "half"]) stream.write(piece);
  stream.end();
  await new Promise((resolve) => stream.once("end", resolve));
  expect(beats.map(({ app }) => app)).toEqual([3, 3, 3]);
});
