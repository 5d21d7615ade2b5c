import { expect, test } from "vitest";
import { smallComparison } from "../fixtures.ts";
import { formatMarkdown, formatReport } from "./format.ts";
import { plotStarts } from "./plot.ts";

test("report: tells starts, phases, speed, reach and what is missing", () => {
  const report = formatReport(smallComparison());
  expect(report).toMatch(/^crun +container +3 +80ms +180ms +180ms +20ms +40x +1.0 KiB +2.0 KiB +2.0 MiB$/m);
  expect(report).toMatch(/^wasm-wake +run 1.5ms, response 500µs$/m);
  expect(report).toMatch(/^wasm-new +20ms +12ms +2.00x +1.15x$/m);
  expect(report).toMatch(/^lists \/ +yes$/m);
  expect(report).toContain("microvm is left out: there is no kernel.");
  expect(report).toContain("The probe's own part in each of these times: 200µs");
});

test("report: Markdown has as many tables as are asked for, and the notes", () => {
  const page = formatMarkdown(smallComparison(), 1);
  expect(page.match(/^\*\*/gm)).toHaveLength(1);
  expect(page).toMatch(/^\| crun +\| container +\| 3 /m);
  expect(page).toContain("2026-01-02: 2 CPUs (a CPU), linux x64, Node.js 26.0.0, load average 0.5.");
});

test("plot: has a dot for every start, and its axis has whole decades", () => {
  const plot = plotStarts(smallComparison());
  expect(plot.match(/<circle/g)).toHaveLength(6);
  expect([...plot.matchAll(/text-anchor="middle"[^>]*>([^<]+)</g)].map(([, label]) => label)).toEqual([
    "1.0ms",
    "10ms",
    "100ms",
    "1s",
  ]);
});
