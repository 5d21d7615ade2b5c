import { readFileSync, statSync } from "node:fs";
import { isKubeError } from "../../kube/kube-error.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { clusterWide, CONFIG_MAPS, ENDPOINT_SLICES, namespaced } from "../../kube/resources.ts";
import { MANAGEMENT_PORT } from "../../operator/runtimes/resources.ts";
import { Unavailable, type Driver, type Running, type Sizes } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { COMPONENT } from "../program.ts";
import { readMetric } from "../runtime-metrics.ts";
import type { KubeSession } from "./kube-session.ts";

/*
 * A WasmApp, from its creation through the API on: placed, given a Service, loaded by a node, and asked at the address of its
 * endpoint: what stands beside a pod that is created through the API.
 */

const API_VERSION = "wasmlet.dev/v1alpha1";
type WasmAppLike = KubeObject & {
  spec: object;
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
};

const WASM_APPS = namespaced<WasmAppLike>(API_VERSION, "WasmApp", "wasmapps");
const WASM_RUNTIMES = clusterWide<KubeObject>(API_VERSION, "WasmRuntime", "wasmruntimes");
/** Holds the component; nodes keep it after the first app. */
const PROGRAM = "startup-program";
const KEY = "program.wasm";

/** The program as Wasm. */
export interface WasmProgram {
  /** Where a WasmApp gets it; left out, it is our own from a ConfigMap. */
  source?: object;
  /** What is asked for. */
  path?: string;
}

/** Opens WasmApps of the program on a cluster that has Wasmlet. */
export async function openWasmApp(session: KubeSession, program: WasmProgram = {}): Promise<Driver> {
  await requireWasmlet(session);
  const source = program.source ?? (await ownSource(session, PROGRAM));
  let count = 0;
  return {
    contender: {
      name: "wasm-app",
      technology: "wasm",
      runtime: "v8",
      cache: "warm",
      accelerator: "none",
      what: "a WasmApp created through the API, whose program the node has had before",
    },
    sizes: async () => sizesOf(program),
    start: (probe) => startApp(probe, session, `app-${count++}`, { ...program, source }),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Throws Unavailable unless the cluster has Wasmlet and a pool; whoever may not look at pools is believed. */
export async function requireWasmlet({ client }: KubeSession): Promise<void> {
  try {
    const { items } = await client.list(WASM_RUNTIMES);
    if (items.length === 0) throw new Unavailable("the cluster has no WasmRuntime");
  } catch (thrown) {
    if (isKubeError(thrown, "KUBE_NOT_FOUND")) throw new Unavailable("Wasmlet is not installed on the cluster");
    if (!isKubeError(thrown, "KUBE_FORBIDDEN")) throw thrown;
  }
}

/** Puts our component into a ConfigMap; returns the source of apps that run it. */
export async function ownSource(session: KubeSession, name: string): Promise<object> {
  const metadata = session.metadataOf(name);
  const binaryData = { [KEY]: readFileSync(COMPONENT).toString("base64") };
  await session.create(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, binaryData });
  return { configMap: { name: metadata.name, key: KEY } };
}

/** Returns the bytes of our component; those of somebody else's are unknown here. */
export function sizesOf({ source }: WasmProgram): Sizes {
  if (source !== undefined) return { pullBytes: null, diskBytes: null };
  return { pullBytes: statSync(COMPONENT).size, diskBytes: statSync(COMPONENT).size };
}

/** A WasmApp that is served. */
export interface ServedApp {
  name: string;
  url: string;
  /** Where its node runtime tells of it. */
  managementUrl: string;
}

/** Creates an app and resolves when its node serves it; `mark` is told when it was created. */
export async function serveApp(
  session: KubeSession,
  name: string,
  { source, path = "/" }: WasmProgram,
  mark: () => void = () => {},
  idleSeconds?: number,
): Promise<ServedApp> {
  const scale = idleSeconds === undefined ? {} : { scale: { idleSeconds } };
  const spec = { source, trigger: { http: {} }, placement: { nodeSelector: session.nodeSelector }, ...scale };
  const metadata = session.metadataOf(name);
  const created = await session.create(WASM_APPS, { apiVersion: API_VERSION, kind: "WasmApp", metadata, spec });
  mark();
  const labelSelector = `kubernetes.io/service-name=${metadata.name}`;
  const version = created.metadata.resourceVersion ?? "";
  const slice = await session.unlessFailed(WASM_APPS, metadata.name, failureOf, (signal) =>
    session.until(ENDPOINT_SLICES, { labelSelector, signal }, version, ({ endpoints }) =>
      (endpoints ?? []).some(({ conditions }) => conditions?.ready === true),
    ),
  );
  const address = slice.endpoints?.find(({ conditions }) => conditions?.ready === true)?.addresses[0] ?? "";
  const host = address.includes(":") ? `[${address}]` : address;
  const url = `http://${host}:${slice.ports?.[0]?.port}${path}`;
  return { name: metadata.name, url, managementUrl: `http://${host}:${MANAGEMENT_PORT}` };
}

function failureOf({ status }: WasmAppLike): Error | undefined {
  const degraded = status?.conditions?.find(({ type, status: holds }) => type === "Degraded" && holds === "True");
  return degraded && new Error(`the WasmApp does not start: ${degraded.reason}: ${degraded.message}`);
}

/** Returns the bytes of linear memory that an app's instances have; null where its node does not tell. */
export function memoryOf({ managementUrl, name }: ServedApp, namespace: string): Promise<number | null> {
  return readMetric(managementUrl, "wasmlet_app_memory_bytes", `namespace="${namespace}"`, `app="${name}"`).catch(
    () => null,
  );
}

async function startApp(probe: Probe, session: KubeSession, name: string, program: WasmProgram): Promise<Running> {
  const watch = await probe.begin();
  const stop = (): Promise<void> => session.remove(WASM_APPS, session.metadataOf(name).name);
  try {
    const served = await serveApp(session, name, program, () => watch.mark("create"));
    watch.mark("ready");
    const { answeredMs } = await awaitAnswer(served.url, session.signal);
    watch.mark("response", answeredMs);
    const memoryBytes = (): Promise<number | null> => memoryOf(served, session.namespace);
    return { url: served.url, phases: watch.phases, memoryBytes, cpuSeconds: async () => null, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
