import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig } from "../../kube/connection.ts";
import { Informer } from "../../kube/informer.ts";
import { keyOf } from "../../kube/objects.ts";
import { ENDPOINT_SLICES, NAMESPACES, SERVICES } from "../../kube/resources.ts";
import { buildEndpointSlices } from "../../operator/apps/endpoint-slices.ts";
import { buildReplica, buildService } from "../../operator/apps/resources.ts";
import { buildTemplate } from "../../operator/apps/template.ts";
import { WASM_APPS, WASM_REPLICAS, WASM_RUNTIMES, type WasmAppObject } from "../../operator/objects.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { startCluster } from "../cluster/cluster.ts";
import { repositoryFile } from "../harness.ts";
import { applyCrds } from "./crds.ts";
import { SimulatedNodes } from "./simulated-nodes.ts";

const HELP = `Usage: node test/operator/measure-scale.ts [options]

Measures the operator, as a process of its own, on a real API server and etcd with nodes that exist in the API alone:
the time until apps that are all there already are ready, that from an edit of one to its status, what is written while
nothing happens, the memory of the operator, and how long an operator that is started anew takes to look at all apps. With
--bare there is no operator: the same objects are written in a plain loop, which is what the API server itself needs.

Options:
  --apps N    WasmApps (default 10000)
  --nodes N   nodes (default 100)
  --edits N   edits, one after another (default 200)
  --idle N    seconds in which nothing happens (default 60)
  --commands  apps that run to their end, which have no Service
  --bare      write the objects of the apps without an operator
  -h, --help  show this help
`;

const SYSTEM = "wasmlet-system";
const NAMESPACE = "scale";

const { values } = parseArgs({
  options: {
    apps: { type: "string", default: "10000" },
    nodes: { type: "string", default: "100" },
    edits: { type: "string", default: "200" },
    idle: { type: "string", default: "60" },
    commands: { type: "boolean", default: false },
    bare: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help === true) process.stdout.write(HELP);
else if (values.bare) await measureBare(Number(values.apps), values.commands);
else await measure(Number(values.apps), Number(values.nodes), Number(values.edits), Number(values.idle));

async function startApi(): Promise<{ cluster: Cluster; client: KubeClient }> {
  const cluster = await startCluster({ level: "control-plane", progress: say });
  const client = new KubeClient(await connectFromKubeconfig(cluster.kubeconfig), { fieldManager: "scale" });
  await applyCrds(client);
  for (const name of [SYSTEM, NAMESPACE]) {
    await client.apply(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  return { cluster, client };
}

/** What the operator and the nodes write for each new app, one after another, many apps at once. */
async function measureBare(appCount: number, isCommand: boolean): Promise<void> {
  const { cluster, client } = await startApi();
  await using _ = cluster;
  const apps: WasmAppObject[] = [];
  await inParallel(appCount, 32, async (index) => void (apps[index] = await client.create(WASM_APPS, appOf(index))));
  const sums = { services: 0, others: 0 };
  const beganMs = performance.now();
  await inParallel(appCount, 32, async (index) => {
    const app = apps[index]!;
    const atMs = performance.now();
    if (!isCommand) await client.create(SERVICES, buildService(app, 20_000));
    const servedMs = performance.now();
    const template = buildTemplate(app);
    const replica = await client.create(
      WASM_REPLICAS,
      buildReplica(app, "node", "default", { revision: "1", template }, 1),
    );
    await client.replace(WASM_REPLICAS, { ...replica, status: { state: "Ready" } } as never, { subresource: "status" });
    const endpoints = [{ addresses: ["10.0.0.1"], conditions: { ready: true } }];
    for (const slice of isCommand ? [] : buildEndpointSlices(app, new Map([[20_000, endpoints]]), [])) {
      await client.create(ENDPOINT_SLICES, slice);
    }
    await client.replace(WASM_APPS, { ...app, status: { replicas: 1 } }, { subresource: "status" });
    const doneMs = performance.now();
    sums.services += servedMs - atMs;
    sums.others += doneMs - servedMs;
  });
  const share = sums.services / (sums.services + sums.others);
  say(
    `written in a plain loop after ${seconds(performance.now() - beganMs)}, ${(share * 100).toFixed(0)} % of it for Services`,
  );
}

async function measure(appCount: number, nodeCount: number, edits: number, idleSeconds: number): Promise<void> {
  const { cluster, client } = await startApi();
  await using _ = cluster;
  const runtime = { apiVersion: API_VERSION, kind: "WasmRuntime", metadata: { name: "default" }, spec: {} };
  await client.apply(WASM_RUNTIMES, runtime as never);
  await using nodes = new SimulatedNodes({ client, namespace: SYSTEM, count: nodeCount, concurrency: 32 });
  await nodes.start();
  say(`making ${appCount} apps on ${nodeCount} nodes`);
  await inParallel(appCount, 32, async (index) => void (await client.create(WASM_APPS, appOf(index))));
  const apps = new Informer({ client, resource: WASM_APPS });
  apps.start();
  await apps.whenSynced();

  say("starting the operator");
  const operator = startOperator(cluster.kubeconfig);
  const url = await operator.url;
  const beganMs = performance.now();
  const readyMs = await whenReady(apps, appCount, beganMs);
  const cpuSeconds = cpuOf(operator.process.pid!);
  say(
    `all ready after ${seconds(readyMs)}; operator ${cpuSeconds.toFixed(1)} s of CPU, ${rss(operator.process.pid!)} MB`,
  );

  const latencies: number[] = [];
  for (let edit = 0; edit < edits; edit++) {
    const index = Math.floor((edit * appCount) / edits);
    latencies.push(await timeEdit(client, apps, index, edit));
  }
  latencies.sort((a, b) => a - b);
  const at = (p: number): string =>
    `${Math.round(latencies[Math.min(latencies.length - 1, Math.floor(p * latencies.length))]!)} ms`;
  say(`edit to status: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`);

  await new Promise((resolve) => setTimeout(resolve, 5000));
  const before = await writesOf(url);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  say(
    `${(await writesOf(url)) - before} writes in ${idleSeconds} s without a change; ${rss(operator.process.pid!)} MB`,
  );
  await end(operator.process);
  await measureRestart(cluster.kubeconfig, appCount);
  await apps.stop();
}

/** An operator that is started where all is well already: reads everything, looks at every app, writes nothing. */
async function measureRestart(kubeconfig: string, appCount: number): Promise<void> {
  const beganMs = performance.now();
  const operator = startOperator(kubeconfig);
  const url = await operator.url;
  let reconciled = 0;
  while (reconciled < appCount) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const text = await (await fetch(`${url}/metrics`)).text();
    const [, count = "0"] = /wasmlet_reconcile_duration_seconds_count\{controller="wasmapp"\} (\d+)/.exec(text) ?? [];
    reconciled = Number(count);
  }
  const tookMs = performance.now() - beganMs;
  say(
    `started anew: all looked at after ${seconds(tookMs)}, ${await writesOf(url)} writes; ${rss(operator.process.pid!)} MB`,
  );
  await end(operator.process);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
}

function startOperator(kubeconfig: string): { process: ChildProcess; url: Promise<string> } {
  const args = ["operator", "--kubeconfig", kubeconfig, "--namespace", SYSTEM, "--runtime-image", "none"];
  const more = ["--management-host", "127.0.0.1", "--management-port", "0"];
  const child = spawn(process.execPath, [repositoryFile("cli/wasmlet.mjs"), ...args, ...more], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = new Promise<string>((resolve) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-65_536);
      const [, found] = /"management":"([^"]+)"/.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return { process: child, url };
}

async function whenReady(apps: Informer<WasmAppObject>, count: number, beganMs: number): Promise<number> {
  const ready = new Set<string>();
  return new Promise((resolve) => {
    const note = (app: WasmAppObject | undefined): void => {
      if (app !== undefined && isReady(app)) ready.add(keyOf(app.metadata));
      if (ready.size === count) resolve(performance.now() - beganMs);
    };
    apps.store.onChange((_before, after) => note(after));
    for (const app of apps.store.values()) note(app);
    const progress = setInterval(() => {
      say(`${ready.size} ready after ${seconds(performance.now() - beganMs)}`);
      if (ready.size === count) clearInterval(progress);
    }, 5000);
    progress.unref();
  });
}

/** Returns the milliseconds from an edit to the status that speaks of it and says that the app is ready. */
async function timeEdit(
  client: KubeClient,
  apps: Informer<WasmAppObject>,
  index: number,
  edit: number,
): Promise<number> {
  const ref = { namespace: NAMESPACE, name: appName(index) };
  const beganMs = performance.now();
  const edited = await client.mergePatch(WASM_APPS, ref, { spec: { env: [{ name: "EDIT", value: String(edit) }] } });
  const generation = edited.metadata.generation!;
  return new Promise((resolve) => {
    const look = (app: WasmAppObject | undefined): void => {
      if (app === undefined || app.metadata.name !== ref.name) return;
      const { observedGeneration = 0, updatedReplicas = 0 } = app.status ?? {};
      if (observedGeneration < generation || updatedReplicas === 0 || !isReady(app)) return;
      stop();
      resolve(performance.now() - beganMs);
    };
    const stop = apps.store.onChange((_before, after) => look(after));
    look(apps.store.get(ref));
  });
}

function isReady({ status }: WasmAppObject): boolean {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

async function writesOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^wasmlet_writes_total\{[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

function appOf(index: number): WasmAppObject {
  return {
    apiVersion: API_VERSION,
    kind: "WasmApp",
    metadata: { namespace: NAMESPACE, name: appName(index) },
    spec: {
      source: { http: { url: "http://example.com/a.wasm", sha256: "0".repeat(64) } },
      ...(values.commands && { trigger: { command: {} } }),
    },
  } as unknown as WasmAppObject;
}

function appName(index: number): string {
  return `app-${index}`;
}

async function inParallel(count: number, concurrency: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

function rss(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
