import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig } from "../../kube/connection.ts";
import { keyOf, type KubeObject } from "../../kube/objects.ts";
import { CONFIG_MAPS, NAMESPACES, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS } from "../../kube/resources.ts";
import { clusterWide } from "../../kube/resources.ts";
import { WASM_REPLICAS, type Replica } from "../../node-runtime/cluster/replica.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { get, repositoryFile } from "../harness.ts";
import { makeNodeFolder, startNodeProcess, type NodeProcess, type NodeProcessOptions } from "./node-process.ts";

/*
 * The node runtime with a real API server: the operator is played by the test, which writes replicas.
 */

const RBAC_GROUP = "rbac.authorization.k8s.io";
const RBAC = `${RBAC_GROUP}/v1`;
const SYSTEM = "wasmlet";
const NODE = "node1";
const CLUSTER_ROLES = clusterWide<KubeObject>(RBAC, "ClusterRole", "clusterroles");
const CLUSTER_ROLE_BINDINGS = clusterWide<KubeObject>(RBAC, "ClusterRoleBinding", "clusterrolebindings");
const CRDS = clusterWide<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }>(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "customresourcedefinitions",
);

let cluster: Cluster;
let client: KubeClient;
/** How the pods of the DaemonSet reach the API server: with the token of their ServiceAccount. */
let podKubeconfig: string;
let nextPort = 21_000;

describe.skipIf(!needCluster("control-plane"))("node runtime with a real API server", () => {
  beforeAll(async () => {
    cluster = await startCluster({ level: "control-plane" });
    client = new KubeClient(await connectFromKubeconfig(cluster.kubeconfig), { fieldManager: "test" });
    await applyDefinitions();
    podKubeconfig = await makePodAccount();
    await grant("default", "program");
    await apply(CONFIG_MAPS, programMap("program", repositoryFile("examples/hello-rust/hello-rust.wasm")));
  });

  afterAll(async () => {
    await client?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  test("a replica is served on its port and reported, updated in place, and taken away", async () => {
    using folder = makeNodeFolder();
    await using node = await startNode(folder.path, "pod-a");
    const { replica, url } = await createReplica("hello");
    const ready = await untilStatus(replica, (status) => status.state === "Ready");
    expect((await get(url)).status).toBe(200);
    expect(ready.status).toMatchObject({
      observedGeneration: 1,
      revision: "r1",
      podName: "pod-a",
      podIP: "127.0.0.1",
      engine: "lean",
      digest: expect.stringMatching(/^sha256:/),
      restarts: 0,
      startPhases: expect.objectContaining({ fetch: expect.stringMatching(/^[\d.]+m?s$/) }),
    });
    expect(conditionOf(ready, "Ready")).toMatchObject({ status: "True", observedGeneration: 1 });
    await until(() => node.isReady());

    const before = await writesOf(node);
    await waitMs(12_000);
    expect(await writesOf(node)).toBe(before);

    // A template that cannot run: what serves goes on, and the status says why.
    await change(replica, { revision: "r2", template: template("none"), previous: previousOf("r1") });
    const stuck = await untilStatus(replica, (status) => status.reason === "APP_REFERENCE_MISSING");
    expect(stuck.status).toMatchObject({ state: "Ready", revision: "r1", observedGeneration: 2 });
    expect(conditionOf(stuck, "Updated")).toMatchObject({ status: "False", reason: "APP_REFERENCE_MISSING" });
    expect((await get(url)).status).toBe(200);

    await change(replica, { revision: "r3", template: template("program", { env: [{ name: "A", value: "1" }] }) });
    const updated = await untilStatus(replica, (status) => status.revision === "r3");
    expect(conditionOf(updated, "Updated")).toBeUndefined();
    expect((await get(url)).status).toBe(200);

    await client.delete(WASM_REPLICAS, replica);
    await until(() =>
      get(url).then(
        () => false,
        () => true,
      ),
    );
    expect(await node.metrics()).not.toContain('app="hello"');
    expect(await node.terminate()).toBe(0);
    expect(JSON.stringify(node.log)).toContain('"namespace":"default","app":"hello"');
  });

  test("contract: a suspended replica is reported once its requests have ended, and runs anew when it no longer is", async () => {
    using folder = makeNodeFolder();
    await apply(CONFIG_MAPS, programMap("probe", repositoryFile("test/guests/probe.wasm")));
    await grant("default", "probe");
    await using node = await startNode(folder.path, "pod-s");
    const { replica, url } = await createReplica("pausing", { template: template("probe") });
    await untilStatus(replica, ({ state }) => state === "Ready");
    const underWay = get(`${url}/sleep?ms=4000`).then((answer) => ({ answer, atMs: performance.now() }));
    await until(async () => (await node.metrics()).includes('wasmlet_instances{namespace="default",app="pausing"} 1'));
    await change(replica, { suspend: true });
    const suspended = await untilStatus(replica, ({ state }) => state === "Suspended");
    const saidMs = performance.now();
    const { answer, atMs } = await underWay;
    expect(answer.status).toBe(200);
    expect(saidMs).toBeGreaterThan(atMs - 100);
    expect(suspended.status).toMatchObject({ observedGeneration: 2, podName: "pod-s" });
    expect(suspended.status).not.toHaveProperty("revision");
    await expect(get(url)).rejects.toThrow();

    await change(replica, { suspend: null, revision: "r2" });
    await untilStatus(replica, ({ state, revision }) => state === "Ready" && revision === "r2");
    expect((await get(`${url}/sleep?ms=1`)).status).toBe(200);
    await client.delete(WASM_REPLICAS, replica);
  });

  test("contract: nothing stays of what the operator said for a pod that was gone", async () => {
    using folder = makeNodeFolder();
    const { replica } = await createReplica("orphan");
    const created = (await client.get(WASM_REPLICAS, replica))!;
    const status = { state: "Pending", reason: "PodGone", message: "the pod that reported it is gone" };
    await client.replace(WASM_REPLICAS, { ...created, status } as Replica, { subresource: "status" });
    await using node = await startNode(folder.path, "pod-o");
    const ready = await untilStatus(replica, ({ state }) => state === "Ready");
    expect(ready.status).not.toHaveProperty("reason");
    expect(ready.status).not.toHaveProperty("message");
    await until(() => node.isReady());
    await client.delete(WASM_REPLICAS, replica);
  });

  test("what served before a rollout is served first by a runtime that starts anew", async () => {
    using folder = makeNodeFolder();
    const { replica, url } = await createReplica("careful", {
      revision: "r2",
      template: template("none"),
      previous: previousOf("r1"),
    });
    await using _ = await startNode(folder.path, "pod-b");
    const status = await untilStatus(replica, ({ reason }) => reason === "APP_REFERENCE_MISSING");
    expect(status.status).toMatchObject({ state: "Ready", revision: "r1" });
    expect((await get(url)).status).toBe(200);
    await client.delete(WASM_REPLICAS, replica);
  });

  test("a replica whose spec is wrong is refused, and its neighbour runs", async () => {
    using folder = makeNodeFolder();
    await using _ = await startNode(folder.path, "pod-c");
    const wrong = await createReplica("wrong", { template: { source: {} } });
    const right = await createReplica("right");
    await untilStatus(right.replica, ({ state }) => state === "Ready");
    expect((await untilStatus(wrong.replica, ({ state }) => state === "Failed")).status).toMatchObject({
      reason: "MANIFEST_RULE",
      message: expect.stringContaining("exactly one of oci, http, configMap"),
    });
    for (const { replica } of [wrong, right]) await client.delete(WASM_REPLICAS, replica);
  });

  test("contract: the newer pod of a node takes over what it serves, and the older one leaves it alone", async () => {
    using folder = makeNodeFolder();
    const { replica } = await createReplica("surge");
    await using old = await startNode(folder.path, "pod-old");
    await untilStatus(replica, ({ podName, state }) => podName === "pod-old" && state === "Ready");
    await until(() => old.isReady());
    // Both pods would have an address of their own: here the app's port is the older one's, so the newer is not ready.
    await using _ = await startNode(folder.path, "pod-new");
    await waitMs(3000);
    expect((await client.get(WASM_REPLICAS, replica))?.status).toMatchObject({ podName: "pod-old", state: "Ready" });
    await old.kill();
    const status = await untilStatus(replica, ({ podName, state }) => podName === "pod-new" && state === "Ready");
    expect(status.status?.podCreated).toBeDefined();
    await client.delete(WASM_REPLICAS, replica);
  });

  test("contract: without the API server apps go on, also after a restart, and what changed comes after", async () => {
    using folder = makeNodeFolder();
    const { replica, url } = await createReplica("steady");
    const first = await startNode(folder.path, "pod-d");
    await untilStatus(replica, ({ state }) => state === "Ready");
    await waitMs(1500); // what is kept is written once a second
    await cluster.stopApiServer();
    try {
      await until(async () => (await first.metrics()).includes("wasmlet_kube_connected 0"));
      expect((await get(url)).status).toBe(200);
      await first.kill();
      await using second = await startNode(folder.path, "pod-d");
      await until(() =>
        get(url).then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
      expect((await get(`${second.managementUrl}/healthz`)).status).toBe(200);
      await cluster.startApiServer();
      await until(async () => (await second.metrics()).includes("wasmlet_kube_connected 1"));
      await change(replica, { revision: "r2", template: template("program", { idleSeconds: 61 }) });
      await untilStatus(replica, ({ revision }) => revision === "r2");
      expect((await get(url)).status).toBe(200);
      await client.delete(WASM_REPLICAS, replica);
    } finally {
      await first.kill();
    }
  });

  test("contract: of two pools on a node each has its own replicas, and takes one that moves to it", async () => {
    using folder = makeNodeFolder();
    await using _ = await startNode(folder.path, "pod-edge", { runtimeName: "edge" });
    const other = await createReplica("other");
    const own = await createReplica("own", { runtimeName: "edge" });
    await untilStatus(own.replica, ({ state, podName }) => state === "Ready" && podName === "pod-edge");
    expect((await client.get(WASM_REPLICAS, other.replica))?.status).toBeUndefined();
    await change(other.replica, { runtimeName: "edge" });
    await untilStatus(other.replica, ({ state, podName }) => state === "Ready" && podName === "pod-edge");
    await change(own.replica, { runtimeName: "default" });
    await until(() =>
      get(own.url).then(
        () => false,
        () => true,
      ),
    );
    for (const { replica } of [other, own]) await client.delete(WASM_REPLICAS, replica);
  });

  test("an object that is not granted is named, and read once it is", async () => {
    using folder = makeNodeFolder();
    await apply(CONFIG_MAPS, programMap("late", repositoryFile("examples/hello-rust/hello-rust.wasm")));
    await using node = await startNode(folder.path, "pod-e");
    const { replica, url } = await createReplica("late", { template: template("late") });
    const refused = await untilStatus(replica, ({ state }) => state === "Failed");
    expect(refused.status?.message).toContain("this node may not read ConfigMap late");
    await grant("default", "late");
    await untilStatus(replica, ({ state }) => state === "Ready");
    expect((await get(url)).status).toBe(200);
    const account = `ServiceAccount ${SYSTEM}/wasmlet-node-${NODE}`;
    expect(node.log.filter(({ msg }) => msg.includes(account))).toHaveLength(1);
    await client.delete(WASM_REPLICAS, replica);
  });
});

function startNode(
  cacheDirectory: string,
  podName: string,
  changes: Partial<NodeProcessOptions> = {},
): Promise<NodeProcess> {
  return startNodeProcess({
    kubeconfig: podKubeconfig,
    nodeName: NODE,
    podName,
    podNamespace: SYSTEM,
    cacheDirectory,
    secretsDirectory: join(cacheDirectory, "secrets"),
    ...changes,
  });
}

function template(configMap: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { source: { configMap: { name: configMap, key: "app.wasm" } }, ...changes };
}

function previousOf(revision: string): Record<string, unknown> {
  return { revision, template: template("program") };
}

async function createReplica(
  name: string,
  spec: Record<string, unknown> = {},
): Promise<{ replica: { namespace: string; name: string }; url: string }> {
  const port = nextPort++;
  const replica = { namespace: "default", name: `${name}-abc` };
  await client.create(WASM_REPLICAS, {
    apiVersion: API_VERSION,
    kind: "WasmReplica",
    metadata: replica,
    spec: {
      nodeName: NODE,
      runtimeName: "default",
      appName: name,
      port,
      revision: "r1",
      template: template("program"),
      ...spec,
    },
  });
  return { replica, url: `http://127.0.0.1:${port}` };
}

async function change(replica: { namespace: string; name: string }, spec: Record<string, unknown>): Promise<void> {
  const before = await client.get(WASM_REPLICAS, replica);
  const { previous: _, ...own } = before!.spec as Record<string, unknown>;
  await client.replace(WASM_REPLICAS, { ...before!, spec: { ...own, ...spec } });
}

/** Looks ever again, for half a minute at the most. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 30_000; performance.now() < endMs;) {
    if (await condition()) return;
    await waitMs(100);
  }
  throw new Error(`half a minute went by without: ${condition.toString()}`);
}

async function untilStatus(
  ref: { namespace: string; name: string },
  isWanted: (status: NonNullable<Replica["status"]>) => boolean,
): Promise<Replica> {
  let replica: Replica | undefined;
  try {
    await until(async () => {
      replica = await client.get(WASM_REPLICAS, ref);
      return isWanted(replica?.status ?? {});
    });
  } catch (cause) {
    throw new Error(`${keyOf(ref)} stays as it is: ${JSON.stringify(replica?.status)}`, { cause });
  }
  return replica!;
}

/** How often a node has written a status. */
async function writesOf(node: NodeProcess): Promise<number> {
  return Number(/^wasmlet_replica_status_writes_total\{result="written"\} (\d+)$/m.exec(await node.metrics())?.[1]);
}

function conditionOf({ status }: Replica, type: string): object | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function waitMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function apply<T extends KubeObject>(resource: Parameters<typeof client.apply<T>>[0], object: T): Promise<T> {
  return client.apply(resource, object);
}

async function applyDefinitions(): Promise<void> {
  const definition = parse(
    readFileSync(repositoryFile("crds/generated/wasmreplicas.wasmlet.dev.yaml"), "utf8"),
  ) as KubeObject;
  await apply(CRDS, definition);
  await until(async () => {
    const { status } = (await client.get(CRDS, { name: definition.metadata.name })) ?? {};
    return status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true;
  });
}

function programMap(name: string, file: string): KubeObject & { binaryData: Record<string, string> } {
  const binaryData = { "app.wasm": readFileSync(file).toString("base64") };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, binaryData };
}

/** Does what the chart and the operator do: accounts and what they may. Returns the kubeconfig of the DaemonSet's pods. */
async function makePodAccount(): Promise<string> {
  const account = "wasmlet-runtime";
  await apply(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name: SYSTEM } });
  for (const name of [account, `wasmlet-node-${NODE}`]) {
    await apply(SERVICE_ACCOUNTS, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: SYSTEM } });
  }
  const rules = [
    { apiGroups: ["wasmlet.dev"], resources: ["wasmreplicas"], verbs: ["get", "list", "watch"] },
    { apiGroups: ["wasmlet.dev"], resources: ["wasmreplicas/status"], verbs: ["update"] },
    { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
  ];
  const subjects = [{ kind: "ServiceAccount", name: account, namespace: SYSTEM }];
  const roleRef = { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: account };
  const metadata = { name: account };
  await apply(CLUSTER_ROLES, { apiVersion: RBAC, kind: "ClusterRole", metadata, rules } as KubeObject);
  await apply(CLUSTER_ROLE_BINDINGS, {
    apiVersion: RBAC,
    kind: "ClusterRoleBinding",
    metadata,
    subjects,
    roleRef,
  } as KubeObject);
  const { token } = await client.createToken({ namespace: SYSTEM, name: account }, { expirationSeconds: 3600 });
  const config = JSON.parse(readFileSync(cluster.kubeconfig, "utf8")) as { users: { user: object }[] };
  config.users[0]!.user = { token: token.reveal() };
  const path = join(cluster.folder!, "pod.kubeconfig");
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** Lets the node read one ConfigMap, as the operator does for each app. */
async function grant(namespace: string, name: string): Promise<void> {
  const metadata = { name, namespace };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], resourceNames: [name, "none"], verbs: ["get"] }];
  await apply(ROLES, { apiVersion: RBAC, kind: "Role", metadata, rules });
  await apply(ROLE_BINDINGS, {
    apiVersion: RBAC,
    kind: "RoleBinding",
    metadata,
    subjects: [{ kind: "ServiceAccount", name: `wasmlet-node-${NODE}`, namespace: SYSTEM }],
    roleRef: { apiGroup: RBAC_GROUP, kind: "Role", name },
  });
}
