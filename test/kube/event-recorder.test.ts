import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { CONFIG_MAPS, EVENTS } from "../../kube/resources.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { makeNamespace, minimalConfigMap, startControlPlane, type ControlPlane } from "./control-plane.ts";

let plane: ControlPlane;

describe.skipIf(!needCluster("control-plane"))("event recorder with a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  test("events: what repeats is one event with a count, which kubectl shows", async () => {
    const { client, cluster } = plane;
    const namespace = await makeNamespace(client, "events");
    const object = await client.create(CONFIG_MAPS, minimalConfigMap(namespace, "a"));
    const errors: unknown[] = [];
    const recorder = new EventRecorder({
      client,
      controller: "wasmlet.dev/operator",
      instance: "operator-0",
      onError: (thrown) => errors.push(thrown),
    });
    for (let n = 0; n < 50; n++) {
      recorder.record(object, { type: "Warning", reason: "PullFailed", action: "Pull", note: "no such image" });
    }
    recorder.record(object, { type: "Normal", reason: "Pulled", action: "Pull", note: "it is there" });
    await recorder.stop();
    expect(errors).toEqual([]);
    const { items } = await client.list(EVENTS, { namespace });
    const counts = Object.fromEntries(items.map(({ reason, series }) => [reason, series?.count]));
    expect(counts).toEqual({ PullFailed: 50, Pulled: undefined });
    expect(await cluster.kubectl(["-n", namespace, "get", "events"])).toMatch(
      /PullFailed +configmap\/a +no such image/,
    );
  });
});
