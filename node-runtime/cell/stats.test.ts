import { expect, test } from "vitest";
import { StatsCollector } from "./stats.ts";

test("StatsCollector: every request is counted, though only so many durations are kept", () => {
  const stats = new StatsCollector();
  for (let count = 0; count < 10_500; count++) stats.request(200, "warm", 0.001);
  stats.request(404, "cold", 0.002);
  const [ok, missing] = stats.take().requests;
  expect(ok).toMatchObject({ code: "2xx", start: "warm", count: 10_500 });
  expect(ok?.seconds).toHaveLength(10_000);
  expect(missing).toMatchObject({ code: "4xx", start: "cold", count: 1, seconds: [0.002] });
  expect(stats.take().requests).toEqual([]);
});

test("StatsCollector: a start that failed is reported until one succeeds", () => {
  const stats = new StatsCollector();
  const failure = { code: "GUEST_START_TRAPPED", message: "unreachable" };
  stats.startFailed(failure);
  expect(stats.take().startFailure).toEqual(failure);
  expect(stats.take()).not.toHaveProperty("startFailure");
  stats.startFailed(failure);
  stats.start("cold", {}, 0.1);
  expect(stats.take()).not.toHaveProperty("startFailure");
});
