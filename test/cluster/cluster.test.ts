import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { get, repositoryFile } from "../harness.ts";
import { binaryPath } from "./binaries.ts";
import { attachCluster, startCluster } from "./cluster.ts";
import type { Cluster } from "./cluster-handle.ts";
import { takeDown } from "./down.ts";
import { readTestEnvironment } from "./environment.ts";
import { BUSYBOX_IMAGE } from "./images.ts";
import { processesOf, waitFor } from "./processes.ts";
import { endSharedCluster, needCluster } from "./shared-cluster.ts";
import { fullClusterFolder, readState } from "./state.ts";
import { clusterTraces, machineState, type MachineState } from "./traces.ts";

/*
 * The cluster itself: it starts, it is a real one, and it leaves nothing. Where a cluster of `npm run cluster -- up` is up, it
 * is left alone, and so are these tests.
 */

const HELLO = "hello from busybox";
const SERVED = `mkdir -p /tmp/www && echo ${HELLO} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`;

const busybox = { image: BUSYBOX_IMAGE, imagePullPolicy: "Never" };
const spec = { terminationGracePeriodSeconds: 0 };

const objects = [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "hello" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "hello" } },
      template: {
        metadata: { labels: { app: "hello" } },
        spec: {
          ...spec,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "DoNotSchedule",
              labelSelector: { matchLabels: { app: "hello" } },
            },
          ],
          containers: [{ name: "web", ...busybox, command: ["sh", "-c", SERVED], ports: [{ containerPort: 8080 }] }],
        },
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "hello" },
    spec: { clusterIP: "10.96.7.7", selector: { app: "hello" }, ports: [{ port: 80, targetPort: 8080 }] },
  },
  ...["node1", "node2"].map((node) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `client-${node}` },
    spec: {
      ...spec,
      nodeName: node,
      containers: [{ name: "shell", ...busybox, command: ["sh", "-c", "echo started; exec sleep 1000000"] }],
    },
  })),
];

async function apply(cluster: Cluster, ...objects: object[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join("\n---\n");
  await cluster.kubectl(["apply", "-f", "-"], { input });
}

/** Whether this run may start and end a cluster. */
function isOurs(): boolean {
  if (readTestEnvironment().kubeconfig !== undefined) {
    process.stderr.write("skipped on the cluster of WASMLET_TEST_KUBECONFIG: these tests start and end one\n");
    return false;
  }
  const state = readState(fullClusterFolder());
  if (state === undefined || state.owner !== undefined) return true;
  process.stderr.write("skipped: a cluster of `npm run cluster -- up` is up, and its start and end are not tested\n");
  return false;
}

describe.skipIf(!needCluster() || !isOurs())("full cluster", () => {
  let before: MachineState;
  let cluster: Cluster;

  beforeAll(async () => {
    await endSharedCluster();
    before = await machineState();
    cluster = await startCluster({ level: "full" });
    await apply(cluster, ...objects);
    await cluster.kubectl(["rollout", "status", "deployment/hello", "--timeout=60s"]);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"]);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("both nodes are Ready, and a second cluster is refused", async () => {
    const jsonpath =
      '{range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
    expect(await cluster.kubectl(["get", "nodes", "-o", `jsonpath=${jsonpath}`])).toBe("node1 True\nnode2 True\n");
    await expect(startCluster({ level: "full" })).rejects.toMatchObject({ code: "CLUSTER_ALREADY_UP" });
  });

  test("replicas are spread over the nodes", async () => {
    const jsonpath = "jsonpath={.items[*].spec.nodeName}";
    const nodes = (await cluster.kubectl(["get", "pods", "-l", "app=hello", "-o", jsonpath])).split(" ");
    expect(nodes.toSorted()).toEqual(["node1", "node2"]);
  });

  test.each([
    ["node1", "10.96.7.7"],
    ["node1", "hello.default.svc"],
    ["node2", "10.96.7.7"],
    ["node2", "hello"],
  ])("a pod on %s reaches the Service at %s", async (node, host) => {
    const fetched = ["exec", `client-${node}`, "--", "wget", "-q", "-O", "-", `http://${host}/`];
    // Every replica in turn: kube-proxy chooses anew for each connection.
    for (let round = 0; round < 5; round++)
      expect(await cluster.kubectl(fetched, { timeoutMs: 10_000 })).toBe(`${HELLO}\n`);
  });

  test("each node has rules of its own for the Service", async () => {
    for (const node of cluster.nodes) {
      const { stdout } = await node.run(["nft", "list", "table", "ip", "kube-proxy"]);
      expect(stdout, node.name).toContain("10.96.7.7");
    }
  });

  test("this machine reaches the Service and the pods of both nodes", async () => {
    const addresses = await cluster.kubectl([
      "get",
      "pods",
      "-l",
      "app=hello",
      "-o",
      "jsonpath={.items[*].status.podIP}",
    ]);
    const hosts = ["10.96.7.7", ...addresses.split(" ").map((address) => `${address}:8080`)];
    for (const host of hosts) expect((await get(`http://${host}/`)).body).toBe(`${HELLO}\n`);
  });

  test("logs, exec and port-forward work on both nodes", async () => {
    for (const node of ["node1", "node2"]) {
      expect(await cluster.kubectl(["logs", `client-${node}`])).toBe("started\n");
      expect(await cluster.kubectl(["exec", `client-${node}`, "--", "hostname"])).toBe(`client-${node}\n`);
    }
    const pods = await cluster.kubectl(["get", "pods", "-l", "app=hello", "-o", "name"]);
    for (const pod of pods.trim().split("\n")) {
      expect(await forwarded(cluster, pod)).toBe(`${HELLO}\n`);
    }
  });

  test("a pod's token says which node it is on", async () => {
    const path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    const token = await cluster.kubectl(["exec", "client-node2", "--", "cat", path]);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims["kubernetes.io"]).toMatchObject({ node: { name: "node2" }, pod: { name: "client-node2" } });
  });

  test("an admission policy refuses", async () => {
    const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] };
    const metadata = { name: "no-such-name" };
    const validations = [{ expression: "object.metadata.name != 'refused'", message: "not this name" }];
    const group = { apiVersion: "admissionregistration.k8s.io/v1" };
    await apply(
      cluster,
      {
        ...group,
        kind: "ValidatingAdmissionPolicy",
        metadata,
        spec: { failurePolicy: "Fail", matchConstraints: { resourceRules: [rule] }, validations },
      },
      {
        ...group,
        kind: "ValidatingAdmissionPolicyBinding",
        metadata,
        spec: { policyName: metadata.name, validationActions: ["Deny"] },
      },
    );
    // It takes hold a moment after it was made.
    let refusal = "";
    await waitFor("the policy", async () => {
      const made = cluster.kubectl(["create", "configmap", "refused", "--dry-run=server"]);
      refusal = await made.catch((error: Error) => error.message);
      return refusal.includes("denied");
    });
    expect(refusal).toContain("not this name");
    await cluster.kubectl(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", metadata.name]);
  });

  test("Helm of both major versions talks to it", async () => {
    for (const major of [3, 4] as const)
      expect(await cluster.helm(["list", "--output", "json"], { major })).toBe("[]\n");
  });

  test("the API server goes and comes back, while pods serve", async () => {
    await cluster.stopApiServer();
    await expect(cluster.kubectl(["get", "nodes"], { timeoutMs: 5000 })).rejects.toThrow();
    expect((await get("http://10.96.7.7/")).body).toBe(`${HELLO}\n`);
    await cluster.startApiServer();
    expect(await cluster.kubectl(["get", "pod", "client-node1", "-o", "name"])).toBe("pod/client-node1\n");
  });

  test.each([{ powerOff: false }, { powerOff: true }])("a node is lost and comes back: %j", async (options) => {
    await cluster.stopNode("node2", options);
    await cluster.kubectl(["wait", "--for=condition=Ready=Unknown", "node/node2", "--timeout=40s"]);
    const pods = await cluster.kubectl(["get", "pod", "client-node2", "-o", "jsonpath={.status.podIP}"]);
    expect(pods).toMatch(/^10\.244\.2\./);
    // Through another process's eyes, as a test that shares the cluster.
    await attachCluster().startNode("node2");
    await cluster.kubectl(["wait", "--for=condition=Ready", "node/node2", "--timeout=60s"]);
    await cluster.kubectl(["wait", "--for=condition=Ready", "pod/client-node2", "--timeout=60s"]);
    const exec = (): Promise<string> => cluster.kubectl(["exec", "client-node2", "--", "echo", "back"]).catch(() => "");
    await waitFor("a pod that runs again", async () => (await exec()) === "back\n", { timeoutMs: 30_000 });
  });

  test("nothing is left", async () => {
    await cluster[Symbol.asyncDispose]();
    expect(await machineState()).toEqual(before);
    expect(clusterTraces(cluster.folder ?? "")).toEqual([]);
  });

  test("nothing is left of a cluster whose start was killed", async () => {
    const child = spawn(process.execPath, [repositoryFile("test/cluster/main.ts"), "up"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    for await (const line of createInterface({ input: child.stderr })) if (line.includes("waiting for")) break;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    expect(processesOf(fullClusterFolder()).length).toBeGreaterThan(5);
    await takeDown(fullClusterFolder());
    expect(await machineState()).toEqual(before);
    expect(existsSync(fullClusterFolder())).toBe(false);
    await takeDown(fullClusterFolder());
  });
});

/** Fetches a pod's page through `kubectl port-forward`. */
async function forwarded(cluster: Cluster, pod: string): Promise<string> {
  const args = ["--kubeconfig", cluster.kubeconfig, "port-forward", pod, ":8080"];
  const child = spawn(binaryPath("kubectl"), args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) return (await get(`http://127.0.0.1:${port}/`)).body;
    }
    return "";
  } finally {
    child.kill("SIGKILL");
  }
}
