import { expect, test } from "vitest";
import type { WasmReplica } from "../objects.ts";
import { planApp } from "./plan.ts";
import { minimalApp, observe } from "./test-fixtures.ts";
import { condition, settle } from "./test-plans.ts";

const settled = settle(observe({ app: minimalApp({ scale: { minReplicas: 3 } }) }));

/** The settled app, each of whose nodes says this of its limits. */
function withLimits(...said: ("True" | "False" | undefined)[]): typeof settled {
  const replicas = settled.replicas.map((replica, index): WasmReplica => {
    const status = said[index];
    if (status === undefined || replica.status === undefined) return replica;
    const limits = {
      type: "LimitsHit",
      status,
      reason: status === "True" ? "CpuTime" : "WithinLimits",
      message: status === "True" ? "stopped something in the last ten minutes: cpu_time" : "nothing",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    return { ...replica, status: { ...replica.status, conditions: [...(replica.status.conditions ?? []), limits] } };
  });
  return { ...settled, replicas };
}

test("LimitsHit: is no condition of an app that no limit ever stopped", () => {
  expect(condition(settled.app.status, "LimitsHit")).toBeUndefined();
});

test("LimitsHit: names a node and the limits, with one event however many nodes say so", () => {
  const observed = withLimits(undefined, "True", "True");
  const { events } = planApp(observed);
  expect(events).toEqual([{ type: "Warning", reason: "LimitsHit", message: expect.stringContaining("cpu_time") }]);
  const after = settle(observed, (replica) => replica);
  expect(condition(after.app.status, "LimitsHit")).toMatchObject({
    status: "True",
    reason: "CpuTime",
    message: expect.stringMatching(/^node\d: .*cpu_time; and on 1 more$/),
  });
  expect(planApp(after).events).toEqual([]);
});

test("LimitsHit: an app is as healthy with it as without, and it ends when all nodes say so", () => {
  const over = settle(withLimits("False", "False"), (replica) => replica);
  expect(condition(over.app.status, "LimitsHit")).toMatchObject({ status: "False", reason: "WithinLimits" });
  expect(condition(over.app.status, "Degraded")).toMatchObject({ status: "False" });
});
