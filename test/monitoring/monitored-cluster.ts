import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { AppView } from "../../node-runtime/runtime-api.ts";
import type { KubeClient } from "../../kube/client.ts";
import { CONFIG_MAPS, NAMESPACES } from "../../kube/resources.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmAppObject } from "../../operator/objects.ts";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { formatMetrics } from "../../startup/metrics.ts";
import type { Comparison } from "../../startup/measure.ts";
import { waitFor } from "../cluster/processes.ts";
import { makeNodeFolder, startNodeProcess, type NodeProcess } from "../e2e/node-process.ts";
import { repositoryFile } from "../harness.ts";
import { startControlPlane } from "../kube/control-plane.ts";
import { applyCrds } from "../operator/crds.ts";
import { makePool } from "../operator/operator-bed.ts";
import { startOperatorProcess, SYSTEM } from "../operator/operator-process.ts";
import { makeNodes, makePod, nodeName, podName } from "../operator/simulated-nodes.ts";
import { startPrometheus, type PrometheusProcess } from "./prometheus-process.ts";
import { Traffic } from "./traffic.ts";

/*
 * Everything that is monitored, and a Prometheus that reads it: a real API server, an operator and two node runtimes as
 * processes, apps that are asked, and the comparison of starts whose samples docs/startup.md shows. Nodes and pods are objects
 * alone; both runtimes listen on the same ports of this machine, and the kernel shares requests out.
 */

const NODES = 2;
const POOL = "default";
export const NAMESPACE = "shop";

/** Apps by name: their program and what else they say. `broken` has a program that is none. */
const APPS: Readonly<Record<string, { program: string; spec: object }>> = {
  hello: { program: "examples/hello-c/hello-c.wasm", spec: { scale: { minReplicas: 2, idleSeconds: 1 } } },
  cart: {
    program: "test/guests/probe.wasm",
    spec: { scale: { minReplicas: 2 }, limits: { requestTimeoutSeconds: 1, concurrency: 4 } },
  },
  broken: { program: "package.json", spec: {} },
};

export interface MonitoredCluster extends AsyncDisposable {
  readonly client: KubeClient;
  readonly prometheus: PrometheusProcess;
  readonly traffic: Traffic;
  readonly nodes: readonly NodeProcess[];
}

/** Starts all of it; resolves once apps serve and Prometheus reads. The comparison has one more round every `roundMs`. */
export async function startMonitoredCluster(roundMs = 1000): Promise<MonitoredCluster> {
  await using started = new AsyncDisposableStack();
  const { client, cluster } = started.use(await startControlPlane());
  await applyCrds(client);
  for (const name of [SYSTEM, NAMESPACE]) {
    await client.apply(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  await makePool(client, POOL, { ports: { first: 23_100, last: 23_199 } });
  await makeNodes(client, SYSTEM, NODES);
  const operator = started.use(startOperatorProcess(cluster.kubeconfig));
  await operator.whenLeading();
  const nodes: NodeProcess[] = [];
  for (let index = 0; index < NODES; index++) {
    const folder = started.use(makeNodeFolder());
    const of = { nodeName: nodeName(index), podName: podName(index, POOL), cacheDirectory: folder.path };
    nodes.push(started.use(await startNodeProcess({ kubeconfig: cluster.kubeconfig, ...of })));
    await makePod(client, SYSTEM, index, POOL);
  }
  const benchmark = started.adopt(await serveComparison(roundMs), closeServer);
  const prometheus = started.use(
    await startPrometheus([
      ...nodes.map(({ managementUrl }, index) => ({
        job: `${SYSTEM}/wasmlet-runtime-${POOL}`,
        address: new URL(managementUrl).host,
        labels: labelsOf(podName(index, POOL), nodeName(index)),
      })),
      {
        job: `${SYSTEM}/wasmlet-operator`,
        address: new URL(operator.lines.find(({ management }) => management !== undefined)?.management ?? "").host,
        labels: labelsOf("wasmlet-operator-0", nodeName(0)),
      },
      { job: "benchmark", address: `127.0.0.1:${(benchmark.address() as AddressInfo).port}`, labels: {} },
    ]),
  );
  // Only now: it is to see how they come.
  for (const name of Object.keys(APPS)) await makeApp(client, name);
  const urls = await waitForUrls(nodes).catch(async (thrown: unknown) => {
    process.stderr.write(`${await tellOf(client, nodes)}\n`);
    throw thrown;
  });
  const traffic = started.use(new Traffic(urls));
  const all = started.move();
  return { client, prometheus, traffic, nodes, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** The labels that the Prometheus Operator gives the target of a PodMonitor, and the one that ours adds. */
function labelsOf(pod: string, node: string): Record<string, string> {
  return { namespace: SYSTEM, pod, node, container: "wasmlet", endpoint: "management" };
}

async function makeApp(client: KubeClient, name: string): Promise<void> {
  const { program, spec } = APPS[name]!;
  const metadata = { namespace: NAMESPACE, name };
  const binaryData = { program: readFileSync(repositoryFile(program)).toString("base64") };
  await client.create(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, binaryData });
  const source = { configMap: { name, key: "program" } };
  const app = { apiVersion: API_VERSION, kind: "WasmApp", metadata, spec: { source, ...spec } };
  await client.create(WASM_APPS, app as unknown as WasmAppObject);
}

/** Waits until both apps that can serve do so on every node; returns their URLs. */
async function waitForUrls(nodes: readonly NodeProcess[]): Promise<Readonly<Record<string, string>>> {
  const expected = Object.keys(APPS).filter((name) => name !== "broken");
  const urls: Record<string, string> = {};
  await waitFor("apps to serve on every node", async () => {
    const found = await Promise.all(nodes.map((node) => urlsOf(node)));
    Object.assign(urls, ...found);
    return found.every((of) => expected.every((name) => of[name] !== undefined));
  });
  return urls;
}

/** Returns what the operator and the nodes know of the apps, for a failure that can only be seen then. */
async function tellOf(client: KubeClient, nodes: readonly NodeProcess[]): Promise<string> {
  const { items } = await client.list(WASM_APPS);
  const apps = items.map(({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status)}`);
  const { items: replicas } = await client.list(WASM_REPLICAS);
  const placed = replicas.map(
    ({ metadata, spec, status }) => `${metadata.name}: ${spec.nodeName} ${JSON.stringify(status)}`,
  );
  const told = await Promise.all(
    nodes.map(async ({ managementUrl }) => (await fetch(`${managementUrl}/v1/apps`)).text()),
  );
  return [...apps, ...placed, ...told].join("\n");
}

async function urlsOf({ managementUrl }: NodeProcess): Promise<Record<string, string>> {
  const response = await fetch(`${managementUrl}/v1/apps`);
  const { apps } = (await response.json()) as { apps: AppView[] };
  const serving = apps.filter(({ state, urls }) => state === "Ready" && urls.length > 0);
  return Object.fromEntries(serving.map(({ name, urls }) => [name, urls[0] ?? ""]));
}

/** Serves the comparison whose samples are committed, as `wasmlet bench startup -o prometheus` prints it. */
async function serveComparison(roundMs: number): Promise<Server> {
  const { comparison } = JSON.parse(readFileSync(repositoryFile("docs/startup.json"), "utf8")) as {
    comparison: Comparison;
  };
  // A comparison that goes on: first without samples, then with one round after another.
  let begin: number | undefined;
  const server = createServer(async (_, response) => {
    begin ??= performance.now();
    const rounds = Math.floor((performance.now() - begin) / roundMs);
    const samples = comparison.samples.filter(({ round }) => round <= rounds);
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
    response.end(await formatMetrics({ ...comparison, samples }, "docs"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
