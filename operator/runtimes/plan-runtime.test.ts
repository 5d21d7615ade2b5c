import { expect, test } from "vitest";
import { minimalRuntime, NOW_MS } from "../apps/test-fixtures.ts";
import type { WasmRuntime } from "../objects.ts";
import { buildDaemonSet } from "./daemon-set.ts";
import { planRuntime } from "./plan-runtime.ts";

const SETTINGS = { namespace: "wasmlet-system", image: "wasmlet:1", imagePullSecrets: [] };

/** Returns the kinds that are written where a pool's DaemonSet was made for `before`, and the API server added defaults to it. */
function written(before: WasmRuntime, runtime: WasmRuntime): string[] {
  const { spec, ...daemonSet } = buildDaemonSet(before, SETTINGS);
  const template = { ...spec!.template, spec: { ...spec!.template.spec!, restartPolicy: "Always" } };
  const writes = planRuntime({
    runtime,
    daemonSet: { ...daemonSet, spec: { ...spec!, template } },
    accounts: new Map(),
    clusterRoleBinding: undefined,
    tokenRoleBinding: undefined,
    networkPolicy: undefined,
    pods: [],
    nodes: [],
    apps: 0,
    replicas: 0,
    settings: SETTINGS,
    nowMs: NOW_MS,
  });
  return writes.map(({ object }) => object.kind ?? "");
}

test("pool: nothing is written of a DaemonSet that only has defaults beside what it was given", () => {
  expect(written(minimalRuntime(), minimalRuntime())).not.toContain("DaemonSet");
});

test.each([
  ["nodeSelector", { nodeSelector: { pool: "edge" } }],
  ["tolerations", { tolerations: [{ key: "edge", operator: "Exists" as const }] }],
  ["resources", { resources: { limits: { memory: "1Gi" } } }],
  ["priorityClassName", { priorityClassName: "high" }],
])("pool: %s that was taken out is taken from the DaemonSet", (_, spec) => {
  expect(written(minimalRuntime(spec), minimalRuntime())).toContain("DaemonSet");
});
