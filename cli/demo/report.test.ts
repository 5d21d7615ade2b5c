import { expect, test } from "vitest";
import type { Readiness } from "./readiness.ts";
import { createProgressNews, describeProgress } from "./report.ts";

function readiness(answered: string[], waiting: string[], failed: [string, string][] = []): Readiness {
  return {
    answered: new Set(answered.map((name) => `default/${name}`)),
    waiting: new Map(waiting.map((name) => [`default/${name}`, "HTTP status 502"])),
    failed: new Map(failed.map(([name, why]) => [`default/${name}`, why])),
  };
}

test("demo progress: says who is awaited, not what a half-started demo answers", () => {
  expect(describeProgress(readiness(["hello"], ["caller", "image"]))).toBe("1/3 apps ready, waiting for caller, image");
  expect(describeProgress(readiness(["hello"], []))).toBe("1/1 apps ready");
});

test("demo progress: news are each app once, as it gets ready or fails", () => {
  const newsOf = createProgressNews();
  expect(newsOf(readiness([], ["hello", "caller", "tour"]))).toEqual([]);
  expect(newsOf(readiness(["hello"], ["caller", "tour"]))).toEqual(["hello: ready (1/3)"]);
  expect(newsOf(readiness(["hello"], ["caller"], [["tour", "exit code 1"]]))).toEqual(["tour: exit code 1 (1/3)"]);
  // It may recover while others are awaited.
  expect(newsOf(readiness(["hello", "caller", "tour"], []))).toEqual(["caller: ready (2/3)", "tour: ready (3/3)"]);
});
