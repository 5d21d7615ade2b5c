import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { waitFor } from "../cluster/processes.ts";
import { needOwnCluster, sharedCluster } from "../cluster/shared-cluster.ts";
import { repositoryFile } from "../harness.ts";
import { tellOnFailure, telling } from "./cluster-report.ts";
import {
  installWasmlet,
  removeExample,
  serveExample,
  SYSTEM_NAMESPACE,
  uninstallWasmlet,
} from "./installed-wasmlet.ts";
import { ask, ServiceLoad } from "./service-load.ts";

describe.skipIf(!needOwnCluster("stop nodes and the API server"))("contract: when something fails", () => {
  let cluster: Cluster;
  let url: string;

  beforeAll(async () => {
    cluster = await sharedCluster();
    await uninstallWasmlet(cluster);
    await installWasmlet(cluster);
    url = await serveExample(cluster, "hello");
  }, 300_000);
  afterAll(() => removeExample(cluster, "hello"), 300_000);
  beforeEach((context) => tellOnFailure(context, () => cluster));

  test("a Secret reaches the program through the account of its node, and no other account may read it", async () => {
    await cluster.kubectl(["apply", "-f", repositoryFile("examples/settings.yaml")]);
    await cluster.kubectl(["wait", "wasmapp/settings", "--for=condition=Complete", "--timeout=60s"]);
    const node = await nodeOf("settings");
    const other = cluster.nodes.find(({ name }) => name !== node)!.name;
    expect(await mayRead(node, "settings")).toBe("yes");
    expect(await mayRead(other, "settings")).toBe("no");
    const pods = [
      "auth",
      "can-i",
      "get",
      "secret/settings",
      `--as=system:serviceaccount:${SYSTEM_NAMESPACE}:wasmlet-runtime-default`,
    ];
    expect((await cluster.kubectl([...pods]).catch(() => "no")).trim()).toBe("no");
    const replica = await cluster.kubectl(["get", "wasmreplicas", "-l", "wasmlet.dev/app=settings", "-o", "json"]);
    expect(replica).not.toContain(Buffer.from("Ada").toString("base64"));
    await cluster.kubectl(["delete", "-f", repositoryFile("examples/settings.yaml")]);
  }, 120_000);

  test("the API server is away for half a minute: apps answer every request, and what is asked afterwards happens", async () => {
    const load = new ServiceLoad(url, 2);
    await cluster.stopApiServer();
    // The time that it is away is what this test is about.
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    await cluster.startApiServer();
    await cluster.kubectl(["scale", "wasmapp/hello", "--replicas=2"]);
    await cluster.kubectl(["wait", "wasmapp/hello", "--for=jsonpath={.status.ready}=2/2", "--timeout=90s"]);
    expect(await load.stop()).toMatchObject({ failed: 0, reasons: [] });
    await cluster.kubectl(["scale", "wasmapp/hello", "--replicas=1"]);
    await cluster.kubectl(["wait", "wasmapp/hello", "--for=jsonpath={.status.ready}=1/1", "--timeout=60s"]);
  }, 240_000);

  test("the operator is killed again and again while an app changes: the last change is what is", async () => {
    for (let round = 0; round < 4; round++) {
      const change = {
        spec: { env: [{ name: "ROUND", value: String(round) }], scale: { minReplicas: 1 + (round % 2) } },
      };
      await cluster.kubectl(["patch", "wasmapp", "hello", "--type=merge", "-p", JSON.stringify(change)]);
      const operators = ["pods", "-l", "app.kubernetes.io/component=operator", "--force", "--grace-period=0"];
      await cluster.kubectl(["-n", SYSTEM_NAMESPACE, "delete", ...operators]);
    }
    await cluster.kubectl(["wait", "wasmapp/hello", "--for=jsonpath={.status.ready}=2/2", "--timeout=120s"]);
    await cluster.kubectl(["wait", "wasmapp/hello", "--for=jsonpath={.status.updatedReplicas}=2", "--timeout=60s"]);
    const replicas = await cluster.kubectl([
      "get",
      "wasmreplicas",
      "-o",
      "jsonpath={range .items[*]}{.spec.port} {.spec.template.env[0].value}{'\\n'}{end}",
    ]);
    expect(new Set(replicas.trim().split("\n")).size).toBe(1);
    expect(replicas).toContain(" 3");
    expect(await ask(url)).toBeUndefined();
  }, 240_000);

  test("a node is lost: its apps answer from another one", async () => {
    await cluster.kubectl(["scale", "wasmapp/hello", "--replicas=1"]);
    await cluster.kubectl(["wait", "wasmapp/hello", "--for=jsonpath={.status.ready}=1/1", "--timeout=60s"]);
    const node = await nodeOf("hello");
    const beganMs = performance.now();
    await cluster.stopNode(node, { powerOff: true });
    await telling(cluster, async () => {
      await waitFor("the app to run elsewhere", async () => (await nodeOf("hello")) !== node, { timeoutMs: 120_000 });
      await waitFor("the Service to answer", async () => (await ask(url, 1000)) === undefined, { timeoutMs: 60_000 });
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
      process.stderr.write(`a lost node's app answers elsewhere after ${seconds} s\n`);
    }).finally(() => cluster.startNode(node));
    await cluster.kubectl(["wait", `node/${node}`, "--for=condition=Ready", "--timeout=90s"]);
    await cluster.kubectl(["wait", "wasmruntime/default", "--for=jsonpath={.status.readyNodes}=2", "--timeout=120s"]);
  }, 400_000);

  /** Returns the node that an app is on; the first where there are several. */
  async function nodeOf(app: string): Promise<string> {
    const args = ["get", "wasmreplicas", "-l", `wasmlet.dev/app=${app}`, "-o", "jsonpath={.items[0].spec.nodeName}"];
    return (await cluster.kubectl(args)).trim();
  }

  async function mayRead(node: string, secret: string): Promise<string> {
    const account = `system:serviceaccount:${SYSTEM_NAMESPACE}:wasmlet-node-${node}`;
    // kubectl ends with 1 where the answer is no.
    return (
      await cluster.kubectl(["auth", "can-i", "get", `secret/${secret}`, `--as=${account}`]).catch(() => "no")
    ).trim();
  }
});
