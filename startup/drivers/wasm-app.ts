import { readFileSync, statSync } from "node:fs";
import { isKubeError } from "../../kube/kube-error.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { clusterWide, CONFIG_MAPS, ENDPOINT_SLICES, namespaced } from "../../kube/resources.ts";
import { Unavailable, type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { COMPONENT } from "../program.ts";
import type { KubeSession } from "./kube-session.ts";
import { memoryTold } from "./told-memory.ts";

/*
 * A WasmApp, from its creation through the API on: placed, given a Service, loaded by a node, and asked at the address of its
 * endpoint: what stands beside a pod that is created through the API.
 */

const API_VERSION = "wasmlet.dev/v1alpha1";
const WASM_APPS = namespaced<KubeObject & { spec: object }>(API_VERSION, "WasmApp", "wasmapps");
const WASM_RUNTIMES = clusterWide<KubeObject>(API_VERSION, "WasmRuntime", "wasmruntimes");
/** Holds the component; nodes keep it after the first app. */
const PROGRAM = "startup-program";
const KEY = "program.wasm";

/** Opens WasmApps of the program on a cluster that has Wasmlet. */
export async function openWasmApp(session: KubeSession): Promise<Driver> {
  await requireWasmlet(session);
  await session.client.create(CONFIG_MAPS, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: session.metadataOf(PROGRAM),
    binaryData: { [KEY]: readFileSync(COMPONENT).toString("base64") },
  });
  let count = 0;
  return {
    contender: {
      name: "wasm-app",
      technology: "wasm",
      runtime: "v8",
      cache: "warm",
      accelerator: "none",
      what: "a WasmApp created through the API, its program in a ConfigMap that the node has had before",
    },
    sizes: async () => ({ pullBytes: statSync(COMPONENT).size, diskBytes: statSync(COMPONENT).size }),
    start: (probe) => startApp(probe, session, `app-${count++}`),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function requireWasmlet({ client }: KubeSession): Promise<void> {
  try {
    const { items } = await client.list(WASM_RUNTIMES);
    if (items.length === 0) throw new Unavailable("the cluster has no WasmRuntime");
  } catch (thrown) {
    if (isKubeError(thrown, "KUBE_NOT_FOUND")) throw new Unavailable("Wasmlet is not installed on the cluster");
    throw thrown;
  }
}

async function startApp(probe: Probe, session: KubeSession, name: string): Promise<Running> {
  const source = { configMap: { name: PROGRAM, key: KEY } };
  const spec = { source, trigger: { http: {} }, placement: { nodeSelector: session.nodeSelector } };
  const app = { apiVersion: API_VERSION, kind: "WasmApp", metadata: session.metadataOf(name), spec };
  const watch = await probe.begin();
  const created = await session.client.create(WASM_APPS, app);
  watch.mark("create");
  const stop = (): Promise<void> => session.remove(WASM_APPS, name);
  try {
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const version = created.metadata.resourceVersion ?? "";
    const slice = await session.until(ENDPOINT_SLICES, { labelSelector }, version, ({ endpoints }) =>
      (endpoints ?? []).some(({ conditions }) => conditions?.ready === true),
    );
    watch.mark("ready");
    const address = slice.endpoints?.find(({ conditions }) => conditions?.ready === true)?.addresses[0];
    const url = `http://${address}:${slice.ports?.[0]?.port}/`;
    const { answeredMs } = await awaitAnswer(url, session.signal);
    watch.mark("response", answeredMs);
    return { url, phases: watch.phases, memoryBytes: () => memoryTold(url), cpuSeconds: async () => null, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
