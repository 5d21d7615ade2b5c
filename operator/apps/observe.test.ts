import { expect, test } from "vitest";
import type { Pod } from "../../kube/resources.ts";
import { isPodRunning } from "./observe.ts";

const WAITING = { containerStatuses: [{ state: { waiting: { reason: "CrashLoopBackOff" } } }] };

test.each([
  ["whose node has told nothing yet", undefined, true],
  ["whose container runs", { phase: "Running", containerStatuses: [{ state: { running: {} } }] }, true],
  ["whose container waits to be started again", { phase: "Running", ...WAITING }, false],
  ["whose image is pulled", { phase: "Pending", ...WAITING }, false],
  ["whose container has ended", { containerStatuses: [{ state: { terminated: { exitCode: 1 } } }] }, false],
  ["that was evicted", { phase: "Failed" }, false],
])("pod %s: whether a process of it may run", (_what, status, expected) => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, status } as unknown as Pod;
  expect(isPodRunning(pod)).toBe(expected);
});
