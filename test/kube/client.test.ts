import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CONFIG_MAPS,
  metadataOf,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type SecretObject,
} from "../../kube/resources.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { forEach, makeNamespace, minimalConfigMap, startControlPlane, type ControlPlane } from "./control-plane.ts";

let plane: ControlPlane;

describe.skipIf(!needCluster("control-plane"))("client with a real API server", () => {
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane?.[Symbol.asyncDispose]());

  test("client: contract: what is applied twice gets no new version", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "apply-twice");
    const first = await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a"));
    const second = await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a"));
    expect(first.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(second).toEqual(first);
    expect(first.metadata).not.toHaveProperty("managedFields");
    const third = await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a", "2"));
    expect(third.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
  });

  test("client: fields of another manager are taken over, or refused where that is not wanted", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "managers");
    await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a"), { fieldManager: "other" });
    const applied = client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a", "2"), { force: false });
    await expect(applied).rejects.toMatchObject({
      code: "KUBE_CONFLICT",
      facts: { causes: [{ field: ".data.value", reason: "FieldManagerConflict" }] },
    });
    expect((await client.apply(CONFIG_MAPS, minimalConfigMap(namespace, "a", "2"))).data).toEqual({ value: "2" });
  });

  test("client: an object's life, with every condition met and broken", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "life");
    const ref = { namespace, name: "a" };
    expect(await client.get(CONFIG_MAPS, ref)).toBeUndefined();
    const created = await client.create(CONFIG_MAPS, minimalConfigMap(namespace, "a"));
    const { uid, resourceVersion } = created.metadata;
    const again = client.create(CONFIG_MAPS, minimalConfigMap(namespace, "a"));
    await expect(again).rejects.toMatchObject({ code: "KUBE_CONFLICT", facts: { reason: "AlreadyExists" } });
    const patched = await client.mergePatch(CONFIG_MAPS, ref, { data: { value: "2" } }, { resourceVersion });
    const stale = client.mergePatch(CONFIG_MAPS, ref, { data: { value: "3" } }, { resourceVersion });
    await expect(stale).rejects.toMatchObject({ code: "KUBE_CONFLICT" });
    const replaced = await client.replace(CONFIG_MAPS, { ...patched, data: { value: "4" } });
    await expect(client.replace(CONFIG_MAPS, patched)).rejects.toMatchObject({ code: "KUBE_CONFLICT" });
    const wrong = client.delete(CONFIG_MAPS, ref, { uid: "00000000-0000-0000-0000-000000000000" });
    await expect(wrong).rejects.toMatchObject({ code: "KUBE_CONFLICT" });
    expect(await client.delete(CONFIG_MAPS, ref, { uid, resourceVersion: replaced.metadata.resourceVersion })).toBe(
      "deleted",
    );
    expect(await client.delete(CONFIG_MAPS, ref)).toBe("absent");
  });

  test("client: what has a finalizer is being deleted", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "finalizers");
    const object = minimalConfigMap(namespace, "a");
    object.metadata.finalizers = ["wasmlet.dev/test"];
    await client.create(CONFIG_MAPS, object);
    expect(await client.delete(CONFIG_MAPS, object.metadata)).toBe("deleting");
    expect((await client.get(CONFIG_MAPS, object.metadata))?.metadata.deletionTimestamp).toMatch(/^\d{4}-/);
  });

  test("client: an object that is not valid names its fields", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "invalid");
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", namespace },
      spec: { ports: [{ port: 0 }] },
    };
    await expect(client.apply(SERVICES, service)).rejects.toMatchObject({
      code: "KUBE_INVALID",
      facts: { reason: "Invalid", causes: [{ field: "spec.ports[0].port" }, expect.anything()] },
    });
  });

  test("client: 2,500 objects come in pages and whole", { timeout: 240_000 }, async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "many");
    await forEach(2500, 32, (n) => client.create(CONFIG_MAPS, minimalConfigMap(namespace, `a${n}`)));
    const sizes: number[] = [];
    for await (const { items } of client.pages(CONFIG_MAPS, { namespace })) sizes.push(items.length);
    expect(sizes).toEqual([500, 500, 500, 500, 500]);
    const { items } = await client.list(CONFIG_MAPS, { namespace });
    expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe(2500);
    expect(items[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { value: "1" } });
  });

  test("client: of Secrets the metadata can be had without the contents", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "secrets");
    const secret: SecretObject = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace },
      stringData: { password: "hunter2" },
    };
    const { metadata } = await client.create(SECRETS, secret);
    const view = metadataOf(SECRETS);
    const { items } = await client.list(view, { namespace });
    const alone = { apiVersion: "v1", kind: "Secret", metadata };
    expect(items).toEqual([alone]);
    expect(await client.get(view, metadata)).toEqual(alone);
    const resourceVersion = String(Number(metadata.resourceVersion) - 1);
    for await (const event of client.watch(view, { namespace, resourceVersion })) {
      expect(event).toEqual({ type: "ADDED", object: alone });
      break;
    }
  });

  test("client: a token of a ServiceAccount is one that the API server knows", async () => {
    const { client } = plane;
    const namespace = await makeNamespace(client, "tokens");
    await client.create(SERVICE_ACCOUNTS, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "a", namespace },
    });
    const { token, expirationTimestamp } = await client.createToken(
      { namespace, name: "a" },
      { expirationSeconds: 600 },
    );
    expect(token.reveal().split(".")).toHaveLength(3);
    expect(Date.parse(expirationTimestamp)).toBeGreaterThan(Date.now());
    expect(await client.text("/readyz")).toBe("ok");
  });
});
