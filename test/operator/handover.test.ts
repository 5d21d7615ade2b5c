import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LEASES } from "../../kube/resources.ts";
import { keyOf } from "../../kube/objects.ts";
import { WASM_REPLICAS } from "../../operator/objects.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import { makeApp, NAMESPACE, startOperatorBed, whenWell } from "./operator-bed.ts";
import type { OperatorBed } from "./operator-bed.ts";
import { startOperatorProcess, SYSTEM } from "./operator-process.ts";

const APPS = ["a", "b", "c", "d"];
const TAKEOVER_MS = 20_000;
const WAITING = "waiting: another one leads";

let bed: OperatorBed;

/** Returns every replica with its version and port. */
async function replicas(): Promise<object> {
  const { items } = await bed.client.list(WASM_REPLICAS, { namespace: NAMESPACE });
  return Object.fromEntries(
    items.map(({ metadata, spec }) => [keyOf(metadata), [metadata.uid, metadata.resourceVersion, spec.port]]),
  );
}

async function holder(): Promise<string | undefined> {
  return (await bed.client.get(LEASES, { namespace: SYSTEM, name: "wasmlet-operator" }))?.spec?.holderIdentity;
}

describe.skipIf(!needCluster("control-plane"))("two operators on a real API server", () => {
  beforeAll(async () => {
    bed = await startOperatorBed(2);
  });
  afterAll(() => bed?.[Symbol.asyncDispose]());

  test("contract: one leads, and the other goes on when it is killed, without a write that was made already", async () => {
    await using first = startOperatorProcess(bed.kubeconfig);
    await first.whenLeading();
    await using second = startOperatorProcess(bed.kubeconfig);
    await waitFor("a second operator that waits", () => second.lines.some(({ msg }) => msg === WAITING));
    for (const name of APPS) await makeApp(bed.client, name, { scale: { minReplicas: 2 } });
    for (const name of APPS) await whenWell(bed.client, name);
    expect(second.lines.map(({ msg }) => msg)).toEqual(["watching", WAITING]);
    const leader = first.lines.find(({ msg }) => msg === "leading")?.identity;
    expect(second.lines[1]?.leader).toBe(leader);
    expect(await holder()).toBe(leader);
    const before = await replicas();
    expect(Object.keys(before)).toHaveLength(2 * APPS.length);

    const killedMs = performance.now();
    await first.end("SIGKILL");
    // Nobody answers for now; it is found by whoever leads next.
    await makeApp(bed.client, "e");
    await second.whenLeading(TAKEOVER_MS + 5000);
    expect(performance.now() - killedMs).toBeLessThan(TAKEOVER_MS);
    const identity = second.lines.find(({ msg }) => msg === "leading")?.identity;
    expect(await holder()).toBe(identity);
    await whenWell(bed.client, "e");
    expect(await replicas()).toMatchObject(before);
    expect(Object.keys(await replicas())).toHaveLength(2 * APPS.length + 1);
    expect(second.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      "info watching",
      `info ${WAITING}`,
      "info leading",
    ]);

    const stoppedMs = performance.now();
    await using third = startOperatorProcess(bed.kubeconfig);
    await waitFor("a third operator that waits", () => third.lines.some(({ msg }) => msg === WAITING));
    await second.end("SIGTERM");
    await third.whenLeading();
    expect(performance.now() - stoppedMs).toBeLessThan(TAKEOVER_MS / 2);
    expect(await replicas()).toMatchObject(before);
    expect(second.lines.slice(3).map(({ msg }) => msg)).toEqual(["stopping", "no longer leading", "stopped"]);
  });
});
