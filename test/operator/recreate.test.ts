import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Informer } from "../../kube/informer.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmReplica } from "../../operator/objects.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import {
  conditionOf,
  makeApp,
  NAMESPACE,
  replicasOf,
  startOperatorBed,
  whenWell,
  type OperatorBed,
} from "./operator-bed.ts";
import { startOperatorProcess, type OperatorProcess } from "./operator-process.ts";

/* A rollout with strategy Recreate, by the real operator as a process, on a real API server. */

let bed: OperatorBed;
let operator: OperatorProcess;

/** What a replica runs, or may: what its spec asks for until its node says that it stopped. */
function mayRun({ metadata, spec, status }: WasmReplica): string | undefined {
  const isStopped = status?.state === "Suspended" && status.observedGeneration === metadata.generation;
  return spec.suspend === true && isStopped ? undefined : spec.revision;
}

describe.skipIf(!needCluster("control-plane"))("rollout with strategy Recreate on a real API server", () => {
  beforeAll(async () => {
    bed = await startOperatorBed(3);
    operator = startOperatorProcess(bed.kubeconfig);
    await operator.whenLeading();
  });
  afterAll(async () => {
    await operator?.[Symbol.asyncDispose]();
    await bed?.[Symbol.asyncDispose]();
  });

  test("contract: two revisions never run at once, and the new one runs everywhere at the end", async () => {
    await makeApp(bed.client, "hello", { scale: { minReplicas: 3 }, rollout: { strategy: "Recreate" } });
    const before = await whenWell(bed.client, "hello");
    const { client } = bed;
    await using informer = Object.assign(new Informer({ client, resource: WASM_REPLICAS, namespace: NAMESPACE }), {
      [Symbol.asyncDispose]: () => informer.stop(),
    });
    const seen: string[][] = [];
    informer.store.onChange(() => {
      const revisions = [...informer.store.values()].map(mayRun).filter((revision) => revision !== undefined);
      seen.push([...new Set(revisions)]);
    });
    informer.start();
    await informer.whenSynced();
    const ref = { namespace: NAMESPACE, name: "hello" };
    await client.mergePatch(WASM_APPS, ref, { spec: { env: [{ name: "A", value: "1" }], scale: { minReplicas: 2 } } });
    const after = await whenWell(client, "hello");
    expect(after.status?.revision).not.toBe(before.status?.revision);
    const replicas = await replicasOf(client, "hello");
    expect(replicas.map(({ spec }) => [spec.revision, spec.suspend, spec.previous])).toEqual(
      Array.from({ length: 2 }, () => [after.status?.revision, undefined, undefined]),
    );
    expect(seen.filter((revisions) => revisions.length > 1)).toEqual([]);
    expect(seen).toContainEqual([]);
    expect(conditionOf(after, "Progressing")).toMatchObject({ reason: "UpToDate" });
    expect(operator.errors).toEqual([]);
  });
});
