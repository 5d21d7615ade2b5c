import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { API_VERSION } from "../../crds/wasm-app/names.ts";
import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig } from "../../kube/connection.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { CONFIG_MAPS, namespaced, SERVICES, type Resource } from "../../kube/resources.ts";
import { WASM_APPS } from "../../operator/objects.ts";
import { HOST_ADDRESS } from "../cluster/addresses.ts";
import { attachCluster } from "../cluster/cluster.ts";
import { repositoryFile } from "../harness.ts";
import { startRealRegistry } from "../oci/real-registry.ts";
import { spawnWasmlet } from "../served-runtime.ts";
import { installWasmlet, uninstallWasmlet } from "./installed-wasmlet.ts";
import { ask } from "./service-load.ts";

const HELP = `Usage: node test/e2e/measure-start.ts [--rounds N]

Measures, on the cluster that \`npm run cluster -- up\` started, the time from creating an app to the first answer of its
Service, in turns: a new WasmApp from a registry, whose program the node has had before; one whose program is in a ConfigMap,
which the node has to be allowed to read first; and a Deployment of a container whose image the node has. All are asked from
this machine, at the address of their Service, again 2 ms after each failure.
`;

const NAMESPACE = "default";
const PAUSE_MS = 2;
/** What is sent to an address that kube-proxy does not know yet is lost: so no connection is waited for long. */
const CONNECT_MS = 10;
const ANSWER_MS = 1000;
const LIMIT_MS = 60_000;
/** Between two starts, so that none waits for what the one before left: kube-proxy brings in one change a second in the long run. */
const REST_MS = 4000;
const DEPLOYMENTS = namespaced<KubeObject & { spec: object }>("apps/v1", "Deployment", "deployments");

const PROGRAM = repositoryFile("examples/hello-c/hello-c.wasm");

/** One way to start an app, and the milliseconds that it took. */
interface Contender {
  name: string;
  pieces: (name: string) => Piece[];
  tookMs: number[];
}

/** An object to create, and of which kind. */
type Piece = [resource: Resource<KubeObject>, object: object];

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, help: { type: "boolean", short: "h" } },
});
if (values.help === true) process.stdout.write(HELP);
else await measure(Number(values.rounds));

async function measure(rounds: number): Promise<void> {
  const cluster = attachCluster();
  await using registry = await startRealRegistry({ address: HOST_ADDRESS });
  const image = `${registry.host}/hello:1`;
  await push(PROGRAM, image, registry.folder);
  await uninstallWasmlet(cluster);
  await installWasmlet(cluster, [`runtime.plainHttpRegistries={${registry.host}}`]);
  const client = new KubeClient(await connectFromKubeconfig(cluster.kubeconfig), { fieldManager: "measure" });
  const config = {
    ...objectOf("v1", "ConfigMap", "program"),
    binaryData: { "a.wasm": readFileSync(PROGRAM).toString("base64") },
  };
  await client.apply(CONFIG_MAPS, config);
  const contenders: Contender[] = [
    { name: "registry", pieces: (name) => wasmApp(name, { oci: { image } }), tookMs: [] },
    {
      name: "configmap",
      pieces: (name) => wasmApp(name, { configMap: { name: "program", key: "a.wasm" } }),
      tookMs: [],
    },
    { name: "container", pieces: containerApp, tookMs: [] },
  ];
  // The first round warms all up.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, pieces, tookMs } of contenders) {
      const unique = `${name}-${round}`;
      const ms = await timeStart(client, unique, pieces(unique));
      if (round > 0) tookMs.push(ms);
    }
    const times = contenders.map(({ name, tookMs }) => `${name} ${tookMs.at(-1)?.toFixed(0) ?? "warm"}`);
    process.stdout.write(`round ${round}: ${times.join(", ")}\n`);
  }
  const { tookMs: slow } = contenders.at(-1)!;
  for (const { name, tookMs } of contenders) {
    const ratios = tookMs.map((ms, round) => ms / slow[round]!);
    process.stdout.write(
      `${name}: ${describe(tookMs, 0)} ms; over the container, within rounds: ${describe(ratios, 3)}\n`,
    );
  }
  await client.delete(CONFIG_MAPS, config.metadata);
  await uninstallWasmlet(cluster);
}

async function push(file: string, image: string, cache: string): Promise<void> {
  const [code] = (await once(
    spawnWasmlet(["push", file, image, "--plain-http", image.split("/")[0]!], cache),
    "close",
  )) as [number];
  if (code !== 0) throw new Error(`wasmlet push ${image} ended with ${code}`);
}

/** Returns the milliseconds from the request that creates it to the first answer; it is gone afterwards. */
async function timeStart(client: KubeClient, name: string, pieces: readonly Piece[]): Promise<number> {
  const beganMs = performance.now();
  for (const [resource, object] of pieces) await client.create(resource, object as KubeObject);
  let address: string | undefined;
  while (address === undefined) {
    address = (await client.get(SERVICES, { namespace: NAMESPACE, name }))?.spec?.clusterIP;
    if (address === undefined) await pause();
  }
  while ((await ask(`http://${address}/`, ANSWER_MS, CONNECT_MS)) !== undefined) {
    if (performance.now() - beganMs > LIMIT_MS) throw new Error(`${name} does not answer at ${address}`);
    await pause();
  }
  const tookMs = performance.now() - beganMs;
  for (const [resource, object] of pieces) await client.delete(resource, (object as KubeObject).metadata);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  return tookMs;
}

function wasmApp(name: string, source: object): Piece[] {
  return [[WASM_APPS, { ...objectOf(API_VERSION, "WasmApp", name), spec: { source, trigger: { http: {} } } }]];
}

function containerApp(name: string): Piece[] {
  const labels = { app: name };
  const command = ["sh", "-c", "echo Hello from a container >/tmp/index.html && exec httpd -f -p 8080 -h /tmp"];
  const httpd = { name: "httpd", image: "busybox:1.37", command, ports: [{ containerPort: 8080 }] };
  const template = { metadata: { labels }, spec: { containers: [httpd], terminationGracePeriodSeconds: 0 } };
  const deployment = {
    ...objectOf("apps/v1", "Deployment", name),
    spec: { selector: { matchLabels: labels }, template },
  };
  const service = {
    ...objectOf("v1", "Service", name),
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  };
  return [
    [DEPLOYMENTS, deployment],
    [SERVICES, service],
  ];
}

function objectOf(apiVersion: string, kind: string, name: string): KubeObject {
  return { apiVersion, kind, metadata: { namespace: NAMESPACE, name } };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

/** The median, and the middle half. */
function describe(numbers: readonly number[], digits: number): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((p) => sorted[Math.floor(p * sorted.length)]?.toFixed(digits));
  return `${middle} (${low} to ${high})`;
}
