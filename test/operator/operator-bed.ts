import { API_VERSION } from "../../crds/wasm-app/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { NAMESPACES } from "../../kube/resources.ts";
import {
  WASM_APPS,
  WASM_REPLICAS,
  WASM_RUNTIMES,
  type WasmAppObject,
  type WasmReplica,
} from "../../operator/objects.ts";
import { waitFor } from "../cluster/processes.ts";
import { startControlPlane } from "../kube/control-plane.ts";
import { applyCrds } from "./crds.ts";
import { SYSTEM } from "./operator-process.ts";
import { SimulatedNodes } from "./simulated-nodes.ts";

type Condition = NonNullable<NonNullable<WasmAppObject["status"]>["conditions"]>[number];

/** The namespace of the tests' apps. */
export const NAMESPACE = "shop";

/** A real API server with the kinds, a pool called default and nodes that serve whatever they are given. */
export interface OperatorBed extends AsyncDisposable {
  client: KubeClient;
  kubeconfig: string;
  nodes: SimulatedNodes;
}

/** Starts one with so many nodes, and no operator. */
export async function startOperatorBed(count: number): Promise<OperatorBed> {
  const plane = await startControlPlane();
  const { client } = plane;
  await applyCrds(client);
  for (const name of [SYSTEM, NAMESPACE]) {
    await client.apply(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  const nodes = new SimulatedNodes({ client, namespace: SYSTEM, count });
  await makePool(client, "default");
  await nodes.start();
  return {
    client,
    kubeconfig: plane.cluster.kubeconfig,
    nodes,
    [Symbol.asyncDispose]: async () => {
      await nodes[Symbol.asyncDispose]();
      await plane[Symbol.asyncDispose]();
    },
  };
}

/** Makes or changes a pool. */
export async function makePool(client: KubeClient, name: string, spec: object = {}): Promise<void> {
  const runtime = { apiVersion: API_VERSION, kind: "WasmRuntime", metadata: { name }, spec };
  await client.apply(WASM_RUNTIMES, runtime as never);
}

/** Creates an app whose program is pinned, with these parts of its spec replaced. */
export function makeApp(client: KubeClient, name: string, spec: object = {}): Promise<WasmAppObject> {
  const source = { http: { url: "http://example.com/a.wasm", sha256: "0".repeat(64) } };
  const app = {
    apiVersion: API_VERSION,
    kind: "WasmApp",
    metadata: { namespace: NAMESPACE, name },
    spec: { source, ...spec },
  };
  return client.create(WASM_APPS, app as unknown as WasmAppObject);
}

/** Returns an app as it is now. */
export async function appOf(client: KubeClient, name: string): Promise<WasmAppObject> {
  return (await client.get(WASM_APPS, { namespace: NAMESPACE, name }))!;
}

/** Returns the replicas of an app as they are now. */
export async function replicasOf(client: KubeClient, name: string): Promise<WasmReplica[]> {
  const { items } = await client.list(WASM_REPLICAS, { namespace: NAMESPACE });
  return items.filter(({ spec }) => spec.appName === name);
}

/** Returns a condition of an app. */
export function conditionOf({ status }: WasmAppObject, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Whether an app is ready in its present form, and nothing is wrong with it. */
export function isWell(app: WasmAppObject): boolean {
  const { status, metadata } = app;
  return (
    status?.observedGeneration === metadata.generation &&
    conditionOf(app, "Ready")?.status === "True" &&
    conditionOf(app, "Degraded")?.status === "False" &&
    conditionOf(app, "Progressing")?.reason === "UpToDate"
  );
}

/** Waits until an app is ready in its present form, and returns it. */
export async function whenWell(client: KubeClient, name: string, timeoutMs = 30_000): Promise<WasmAppObject> {
  await waitFor(`${name} to be ready`, async () => isWell(await appOf(client, name)), { timeoutMs });
  return appOf(client, name);
}
