import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { KubeClient } from "../../kube/client.ts";
import { Informer } from "../../kube/informer.ts";
import { CONFIG_MAPS, type ConfigMap } from "../../kube/resources.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { forEach, makeNamespace, minimalConfigMap, startControlPlane, type ControlPlane } from "./control-plane.ts";

let plane: ControlPlane;

function startInformer(client: KubeClient, namespace: string): Informer<ConfigMap> & AsyncDisposable {
  const informer = new Informer({ client, resource: CONFIG_MAPS, namespace });
  informer.start();
  return Object.assign(informer, { [Symbol.asyncDispose]: () => informer.stop() });
}

function contentOf(objects: Iterable<ConfigMap>): string[] {
  return [...objects].map(({ metadata, data }) => `${metadata.name}=${data?.["value"]}`).sort();
}

describe.skipIf(!needCluster("control-plane"))("informer with a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  test("informer: 200 objects are followed through creation, change and deletion", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "watched");
    await using informer = startInformer(client, namespace);
    await informer.whenSynced();
    const changes: string[] = [];
    informer.store.onChange((before, after) =>
      changes.push(after === undefined ? "-" : before === undefined ? "+" : "~"),
    );
    await forEach(200, 16, (n) => client.apply(CONFIG_MAPS, minimalConfigMap(namespace, `a${n}`)));
    await forEach(100, 16, (n) => client.apply(CONFIG_MAPS, minimalConfigMap(namespace, `a${n}`, "2")));
    await forEach(50, 16, (n) => client.delete(CONFIG_MAPS, { namespace, name: `a${n}` }));
    await vi.waitFor(() => expect(changes).toHaveLength(350), 10_000);
    const count = (sign: string): number => changes.filter((change) => change === sign).length;
    expect(["+", "~", "-"].map(count)).toEqual([200, 100, 50]);
    const { items } = await client.list(CONFIG_MAPS, { namespace });
    expect(contentOf(informer.store.values())).toEqual(contentOf(items));
  });

  test("informer: contract: survives the death of the API server, and is right soon after its return", async () => {
    const { client, cluster, connect } = plane;
    const namespace = await makeNamespace(client, "surviving");
    await forEach(50, 16, (n) => client.apply(CONFIG_MAPS, minimalConfigMap(namespace, `a${n}`)));
    await using informer = startInformer(await connect(), namespace);
    await informer.whenSynced();
    await cluster.stopApiServer();
    await expect(client.create(CONFIG_MAPS, minimalConfigMap(namespace, "b"))).rejects.toMatchObject({
      code: "KUBE_UNREACHABLE",
    });
    expect(informer.store.size).toBe(50);
    await using late = startInformer(await connect(), namespace);
    await cluster.startApiServer();
    // An API server that has just started knows no history.
    const ancient = client.watch(CONFIG_MAPS, { resourceVersion: "1" });
    await expect(ancient.next()).rejects.toMatchObject({ code: "KUBE_EXPIRED" });
    await client.delete(CONFIG_MAPS, { namespace, name: "a0" });
    await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a1", "2"));
    await client.create(CONFIG_MAPS, minimalConfigMap(namespace, "b"));
    const { items } = await client.list(CONFIG_MAPS, { namespace });
    for (const { store } of [informer, late]) {
      await vi.waitFor(() => expect(contentOf(store.values())).toEqual(contentOf(items)), 15_000);
    }
  });
});
