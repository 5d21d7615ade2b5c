import { expect, test } from "vitest";
import { AppStatus } from "./app-status.ts";
import { limitsFinding, RecentLimits } from "./recent-limits.ts";

const MINUTE_MS = 60_000;

test("RecentLimits: each counts for ten minutes after it last stopped something", () => {
  const limits = new RecentLimits();
  limits.note(["queue_time", "cpu_time"], 0);
  limits.note(["cpu_time"], 5 * MINUTE_MS);
  expect(limits.recent(10 * MINUTE_MS - 1)).toEqual(["cpu_time", "queue_time"]);
  expect(limits.recent(10 * MINUTE_MS)).toEqual(["cpu_time"]);
  expect(limits.recent(15 * MINUTE_MS)).toEqual([]);
});

test("limitsFinding: the reason names one limit, the message all of them", () => {
  expect(limitsFinding(["requests_per_second"])).toMatchObject({ status: "True", reason: "RequestsPerSecond" });
  expect(limitsFinding(["cpu_time", "queue_time"])).toMatchObject({
    reason: "SeveralLimits",
    message: expect.stringContaining("cpu_time, queue_time"),
  });
  expect(limitsFinding([])).toMatchObject({ status: "False", reason: "WithinLimits" });
});

test("AppStatus: LimitsHit is told when it changes, and not at all before a limit stopped something", () => {
  let [nowMs, changes] = [0, 0];
  const status = new AppStatus(
    "default",
    "app",
    "http",
    () => changes++,
    () => new Date(nowMs),
  );
  const found = (): string | undefined => status.view().conditions.find(({ type }) => type === "LimitsHit")?.reason;
  status.limitsHit([]);
  expect([found(), changes]).toEqual([undefined, 0]);
  for (let hit = 0; hit < 3; hit++) status.limitsHit(["cpu_time"]);
  expect([found(), changes]).toEqual(["CpuTime", 1]);
  nowMs = 10 * MINUTE_MS;
  for (let look = 0; look < 3; look++) status.limitsHit([]);
  expect([found(), changes]).toEqual(["WithinLimits", 2]);
});
