import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Informer } from "../../kube/informer.ts";
import { keyOf, type KubeObject } from "../../kube/objects.ts";
import {
  CONTROLLER_REVISIONS,
  ENDPOINT_SLICES,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
  type Resource,
} from "../../kube/resources.ts";
import { WASM_APPS, WASM_REPLICAS, type WasmAppObject, type WasmReplica } from "../../operator/objects.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import { makeApp, NAMESPACE, startOperatorBed, whenWell } from "./operator-bed.ts";
import type { OperatorBed } from "./operator-bed.ts";
import { freeLead, startOperatorProcess } from "./operator-process.ts";

/*
 * Operators that are killed in the middle of their work, each after one more write than the one before, while apps come and
 * change: the one that comes last finds nothing that it can't put right.
 */

const OPERATORS = 15;
const MAX_LIFE_MS = 10_000;

let bed: OperatorBed;
let informers: Informer<KubeObject>[];
let writes = 0;
/** Called after each write. */
let onWrite = (): void => {};

function watch<T extends KubeObject>(
  resource: Resource<T>,
  isWrite: (before: T | undefined, after: T) => boolean,
): void {
  const informer = new Informer({ client: bed.client, resource, namespace: NAMESPACE });
  informer.store.onChange((before, after) => {
    if (after !== undefined && !isWrite(before, after)) return;
    writes++;
    onWrite();
  });
  informers.push(informer as unknown as Informer<KubeObject>);
}

/** What one operator finds to do: new apps, and changes of those that there are, of every kind. */
async function changeApps(round: number): Promise<void> {
  const { client } = bed;
  const edit = (name: string, spec: object): Promise<unknown> =>
    client.mergePatch(WASM_APPS, { namespace: NAMESPACE, name }, { spec });
  await makeApp(client, `scaled-${round}`, { scale: { minReplicas: 1 + (round % 3) } });
  await makeApp(client, `served-${round}`);
  const before = round - 1;
  if (before < 0) return;
  await edit(`scaled-${before}`, { scale: { minReplicas: 1 + ((before + 1) % 3) } });
  await edit(`served-${before}`, { env: [{ name: "ROUND", value: String(round) }] });
  // An app that serves no longer has no Service.
  if (round % 2 === 0) await edit(`served-${before}`, { trigger: { command: {}, http: null } });
}

/** Runs an operator until so many writes were seen, and kills it at once; returns how many came of it. */
async function lifeOf(count: number): Promise<number> {
  const start = writes;
  const operator = startOperatorProcess(bed.kubeconfig);
  onWrite = (): void => {
    if (writes - start >= count) operator.process.kill("SIGKILL");
  };
  try {
    await waitFor(`${count} writes`, () => writes - start >= count, { timeoutMs: MAX_LIFE_MS });
  } finally {
    onWrite = (): void => {};
    await operator.end("SIGKILL");
  }
  return writes - start;
}

async function listAll<T extends KubeObject>(resource: Resource<T>): Promise<T[]> {
  return (await bed.client.list(resource, { namespace: NAMESPACE })).items;
}

function replicasByApp(replicas: readonly WasmReplica[]): Map<string, WasmReplica[]> {
  return Map.groupBy(replicas, ({ spec }) => spec.appName);
}

function namesOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name).toSorted();
}

describe.skipIf(!needCluster("control-plane"))("operators that are killed on a real API server", () => {
  beforeAll(async () => {
    bed = await startOperatorBed(3);
    informers = [];
    watch(WASM_REPLICAS, (before, after) => before?.metadata.generation !== after.metadata.generation);
    watch(
      WASM_APPS,
      (before, after) => before !== undefined && before.metadata.generation === after.metadata.generation,
    );
    for (const resource of [SERVICES, ENDPOINT_SLICES, ROLES, ROLE_BINDINGS, CONTROLLER_REVISIONS]) {
      watch(resource as Resource<KubeObject>, () => true);
    }
    for (const informer of informers) informer.start();
    await Promise.all(informers.map((informer) => informer.whenSynced()));
  });
  afterAll(async () => {
    await Promise.all((informers ?? []).map((informer) => informer.stop()));
    await bed?.[Symbol.asyncDispose]();
  });

  test(`contract: after ${OPERATORS} operators that were killed, one more puts everything right`, async () => {
    const seen: number[] = [];
    for (let round = 0; round < OPERATORS; round++) {
      await changeApps(round);
      seen.push(await lifeOf(round + 1));
      await freeLead(bed.client);
    }
    process.stderr.write(`killed after ${seen.join(", ")} writes\n`);

    await using last = startOperatorProcess(bed.kubeconfig);
    const apps = await listAll(WASM_APPS);
    for (const { metadata } of apps) await whenWell(bed.client, metadata.name);
    expectOrder(await listAll(WASM_APPS), replicasByApp(await listAll(WASM_REPLICAS)));
    await expectNoOrphans();
    expect(last.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual(["info watching", "info leading"]);
  });
});

/** Every app has as many replicas as it wants, on as many nodes, all with its one port, which no other app has. */
function expectOrder(apps: readonly WasmAppObject[], replicas: ReadonlyMap<string, readonly WasmReplica[]>): void {
  const ports: number[] = [];
  for (const { metadata, spec, status } of apps) {
    const own = replicas.get(metadata.name) ?? [];
    expect(new Set(own.map((replica) => replica.spec.nodeName)).size).toBe(own.length);
    expect(own, keyOf(metadata)).toHaveLength(spec.scale.minReplicas);
    expect(own.every((replica) => replica.spec.previous === undefined)).toBe(true);
    expect(new Set(own.map((replica) => replica.spec.port))).toEqual(new Set([status?.port]));
    if (status?.port !== undefined) ports.push(status.port);
  }
  expect(new Set(ports).size).toBe(ports.length);
  expect(new Set(replicas.keys())).toEqual(new Set(namesOf(apps)));
}

/** There is a Service and endpoints for each app that serves, and for nothing else. */
async function expectNoOrphans(): Promise<void> {
  const apps = await listAll(WASM_APPS);
  const serving = namesOf(apps.filter(({ spec }) => spec.trigger.http !== undefined));
  const services = await listAll(SERVICES);
  expect(namesOf(services)).toEqual(serving);
  for (const { metadata, spec } of services) {
    const app = apps.find((candidate) => candidate.metadata.name === metadata.name);
    expect(metadata.ownerReferences?.[0]?.uid).toBe(app?.metadata.uid);
    expect(spec?.ports?.[0]?.targetPort).toBe(app?.status?.port);
  }
  const slices = await listAll(ENDPOINT_SLICES);
  const led = slices.map(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] ?? "");
  expect(led.toSorted()).toEqual(serving);
  const counts = apps.filter(({ spec }) => spec.trigger.http !== undefined).map(({ spec }) => spec.scale.minReplicas);
  const endpoints = slices.reduce((sum, slice) => sum + (slice.endpoints?.length ?? 0), 0);
  expect(endpoints).toBe(counts.reduce((sum, count) => sum + count, 0));
}
