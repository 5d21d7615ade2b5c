import { expect, test } from "vitest";
import { ObjectStore } from "../kube/store.ts";
import { minimalApp } from "./apps/test-fixtures.ts";
import type { ClusterState } from "./cluster-state.ts";
import { OperatorMetrics } from "./metrics.ts";
import { WASM_APPS, type WasmAppObject } from "./objects.ts";
import { Writer } from "./writer.ts";

/** Returns whether anybody has to look at an app again after its status was written and came back like this. */
async function isNews(change: { spec?: object; metadata?: object }): Promise<boolean> {
  const store = new ObjectStore<WasmAppObject>();
  const app = minimalApp({}, { resourceVersion: "10" });
  store.note(app);
  const written = minimalApp(change.spec, { resourceVersion: "12", ...change.metadata });
  const state = { storeOf: () => store } as unknown as ClusterState;
  const client = {
    apply: async () => written,
    create: async () => written,
    replace: async () => written,
    delete: async () => "deleted",
  };
  const writer = new Writer(client as never, state, new OperatorMetrics());
  const noted: boolean[] = [];
  store.onChange(() => noted.push(writer.isNoting));
  await writer.send([[{ kind: "status", resource: WASM_APPS, object: app }]], new AbortController().signal);
  expect(noted).toHaveLength(1);
  return noted[0] === false;
}

test.each([
  ["nothing else is none", {}, false],
  ["another spec is", { spec: { scale: { minReplicas: 3 } } }, true],
  ["an annotation is", { metadata: { annotations: { a: "b" } } }, true],
] as const)("writer: what comes back with %s news", async (_what, change, expected) => {
  expect(await isNews(change)).toBe(expected);
});
