import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { needCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import { repositoryFile } from "../harness.ts";
import { tellOnFailure } from "./cluster-report.ts";
import { ServiceLoad } from "./service-load.ts";
import { installWasmlet, removeExample, SYSTEM_NAMESPACE, uninstallWasmlet, urlOfApp } from "./installed-wasmlet.ts";

const HOSTNAME = "kubernetes.io/hostname";
/** Everything that a pool has: objects carry its name, and what is bound to all of them is the chart's. */
const KINDS_OF_A_POOL = "daemonsets,pods,serviceaccounts,rolebindings,networkpolicies,clusterrolebindings";

describe.skipIf(!needCluster())("contract: two pools on one node", () => {
  let cluster: Cluster;
  let node: string;
  let hostname: string;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
    const nodes = await cluster.kubectl(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
    node = nodes.trim().split(" ").at(-1)!;
    await cluster.kubectl(["apply", "-f", repositoryFile("examples/hello.yaml")]);
    hostname = await read("node", node, `{.metadata.labels.kubernetes\\.io/hostname}`);
    await apply({ kind: "WasmRuntime", metadata: { name: "edge" }, spec: { nodeSelector: { [HOSTNAME]: hostname } } });
    await wait("wasmruntime/edge", "condition=Ready");
    await apply(
      appOf("edge-app", { runtimeRef: { name: "edge" } }),
      appOf("default-app", { nodeSelector: { [HOSTNAME]: hostname } }),
    );
  }, 300_000);
  afterAll(async () => {
    await cluster.kubectl(["delete", "wasmapp", "edge-app", "default-app", "--ignore-not-found"]);
    await removeExample(cluster, "hello");
  }, 300_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test("each app is served on that node by the pod of its own pool", async () => {
    for (const [app, pool] of [
      ["edge-app", "edge"],
      ["default-app", "default"],
    ] as const) {
      await wait(`wasmapp/${app}`, "condition=Ready");
      const pod = await podOf(pool);
      const replica = ["wasmreplicas", "-l", `wasmlet.dev/app=${app}`, "-o"];
      expect(await get(...replica, "jsonpath={.items[*].spec.nodeName} {.items[*].status.podName}")).toBe(
        `${node} ${pod.name}`,
      );
      const slice = ["endpointslices", "-l", `kubernetes.io/service-name=${app}`, "-o"];
      expect(await get(...slice, "jsonpath={.items[*].endpoints[*].addresses[*]}")).toBe(pod.address);
      expect(await ask(app)).toContain("Hello from C");
    }
    expect((await podOf("edge")).address).not.toBe((await podOf("default")).address);
  });

  test("a pool counts its own nodes and apps", async () => {
    await wait("wasmruntime/edge", "jsonpath={.status.apps}=1");
    expect(await read("wasmruntime", "edge", "{.status.nodes} {.status.readyNodes} {.status.replicas}")).toBe("1 1 1");
    expect(await read("wasmruntime", "default", "{.status.apps}")).toBe("2");
  });

  test.each(["default", "edge"])(
    "an app moves to the pool %s on the same node without a failed request, whichever pod is newer",
    async (pool) => {
      const load = new ServiceLoad(await urlOfApp(cluster, "edge-app"));
      const change = { spec: { placement: { runtimeRef: { name: pool }, nodeSelector: { [HOSTNAME]: hostname } } } };
      await cluster.kubectl(["patch", "wasmapp", "edge-app", "--type=merge", "-p", JSON.stringify(change)]);
      const { address } = await podOf(pool);
      const slices = ["endpointslices", "-l", "kubernetes.io/service-name=edge-app", "-o"];
      await waitFor("the app to be served by the other pool", async () => {
        return (await get(...slices, "jsonpath={.items[*].endpoints[*].addresses[*]}")) === address;
      });
      await wait("wasmapp/edge-app", "condition=Ready");
      await wait(`wasmruntime/${pool}`, `jsonpath={.status.apps}=${pool === "edge" ? 1 : 3}`);
      expect(await load.stop()).toMatchObject({ failed: 0, reasons: [] });
      expect(await ask("edge-app")).toContain("Hello from C");
      const replicas = ["wasmreplicas", "-l", "wasmlet.dev/app=edge-app", "-o"];
      expect(await get(...replicas, "jsonpath={.items[*].spec.runtimeName}")).toBe(pool);
    },
    180_000,
  );

  test("a pool is deleted: its app says so, those of others serve on, and nothing of it is left", async () => {
    await cluster.kubectl(["delete", "wasmruntime", "edge"]);
    await wait("wasmapp/edge-app", "condition=Ready=False");
    const degraded =
      "{.status.conditions[?(@.type=='Degraded')].reason}: {.status.conditions[?(@.type=='Degraded')].message}";
    expect(await read("wasmapp", "edge-app", degraded)).toMatch(
      /^RuntimeNotFound: there is no WasmRuntime edge \(there are default\)/,
    );
    expect(await ask("default-app")).toContain("Hello from C");
    await cluster.kubectl([
      "wait",
      "pods",
      "-n",
      SYSTEM_NAMESPACE,
      "-l",
      "wasmlet.dev/runtime=edge",
      "--for=delete",
      "--timeout=100s",
    ]);
    expect(await get(KINDS_OF_A_POOL, "-n", SYSTEM_NAMESPACE, "-l", "wasmlet.dev/runtime=edge", "-o", "name")).toBe("");
  }, 240_000);

  test("the pool is there again: the app is served again, without a change of it", async () => {
    await apply({ kind: "WasmRuntime", metadata: { name: "edge" }, spec: { nodeSelector: { [HOSTNAME]: hostname } } });
    await wait("wasmapp/edge-app", "condition=Ready");
    expect(await ask("edge-app")).toContain("Hello from C");
  }, 180_000);

  async function apply(...objects: object[]): Promise<void> {
    const input = objects.map((object) => JSON.stringify({ apiVersion: API_VERSION, ...object })).join("\n---\n");
    await cluster.kubectl(["apply", "-f", "-"], { input });
  }

  async function get(...args: string[]): Promise<string> {
    return (await cluster.kubectl(["get", ...args])).trim();
  }

  async function read(kind: string, name: string, path: string): Promise<string> {
    return get(kind, name, "-o", `jsonpath=${path}`);
  }

  async function wait(object: string, state: string): Promise<void> {
    await cluster.kubectl(["wait", object, `--for=${state}`, "--timeout=100s"]);
  }

  /** Returns the pod of a pool on the node. */
  async function podOf(pool: string): Promise<{ name: string; address: string }> {
    const pods = ["pods", "-n", SYSTEM_NAMESPACE, "-l", `wasmlet.dev/runtime=${pool}`];
    const onNode = ["--field-selector", `spec.nodeName=${node}`];
    const [name = "", address = ""] = (
      await get(...pods, ...onNode, "-o", "jsonpath={.items[*].metadata.name} {.items[*].status.podIP}")
    ).split(" ");
    return { name, address };
  }

  /** Asks an app by its Service, once that answers. */
  async function ask(app: string): Promise<string> {
    return (await fetch(await urlOfApp(cluster, app))).text();
  }
});

/** Returns an app with the program of the example `hello`. */
function appOf(name: string, placement: object): object {
  const source = { configMap: { name: "hello", key: "hello-c.wasm" } };
  return {
    kind: "WasmApp",
    metadata: { name, namespace: "default" },
    spec: { source, trigger: { http: {} }, placement },
  };
}
