import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CONFIG_MAPS, ENDPOINT_SLICES, EVENTS, NODES, SECRETS, SERVICES, type Event } from "../../kube/resources.ts";
import { WASM_APPS } from "../../operator/objects.ts";
import { needCluster } from "../cluster/shared-cluster.ts";
import { waitFor } from "../cluster/processes.ts";
import {
  appOf,
  conditionOf,
  makeApp,
  makePool,
  NAMESPACE,
  replicasOf,
  startOperatorBed,
  whenWell,
} from "./operator-bed.ts";
import type { OperatorBed } from "./operator-bed.ts";
import { startOperatorProcess, type OperatorProcess } from "./operator-process.ts";

/*
 * What is wrong with an app is told in its conditions and by an event, hurts no other app, and is forgotten once it is
 * mended: the real operator as a process, on a real API server.
 */

/** Something that is wrong, and how it is mended. */
interface Mistake {
  name: string;
  /** Parts of the app's spec. */
  spec: () => object;
  prepare?: (app: string) => Promise<unknown>;
  reason: string;
  message: RegExp;
  mend: (app: string) => Promise<unknown>;
}

let bed: OperatorBed;
let operator: OperatorProcess;
let registry: Server;
let absentRegistry: Server;
let absentPort: number;
/** Repositories that the registry has. */
const repositories = new Set<string>();
/** Apps with a mistake so far. */
let made = 0;
let neighbours: (string | undefined)[];

const answer: RequestListener = ({ url = "" }, response) => {
  const [, repository = ""] = /^\/v2\/(.+)\/manifests\//.exec(url) ?? [];
  if (!repositories.has(repository) && repository !== "") return response.writeHead(404).end();
  const headers = {
    "content-type": "application/vnd.oci.image.manifest.v1+json",
    "docker-content-digest": `sha256:${"a".repeat(64)}`,
  };
  return response.writeHead(200, headers).end();
};

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function oci(repository: string, more: object = {}): object {
  const image = `127.0.0.1:${(registry.address() as AddressInfo).port}/${repository}:1`;
  return { source: { oci: { image, ...more }, http: undefined } };
}

function secret(name: string, data: Record<string, string>): Promise<unknown> {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  const metadata = { namespace: NAMESPACE, name };
  return bed.client.apply(SECRETS, { apiVersion: "v1", kind: "Secret", metadata, data: encoded });
}

function change(name: string, spec: object): Promise<unknown> {
  return bed.client.mergePatch(WASM_APPS, { namespace: NAMESPACE, name }, { spec });
}

const NARROW = { placement: { runtimeRef: { name: "narrow" } } };
const PULL_SECRET = { imagePullSecrets: [{ name: "pull" }] };
const SERVICE = { spec: { ports: [{ port: 80 }], selector: { app: "other" } } };

const MISTAKES: Mistake[] = [
  {
    name: "a pool that there is not",
    spec: () => ({ placement: { runtimeRef: { name: "edge" } } }),
    reason: "RuntimeNotFound",
    message: /^there is no WasmRuntime edge \(there are default\): correct spec\.placement\.runtimeRef, or create it$/,
    mend: async () => {
      await makePool(bed.client, "edge");
      await bed.nodes.join("edge");
    },
  },
  {
    name: "labels that no node has",
    spec: () => ({ placement: { nodeSelector: { zone: "west" } } }),
    reason: "NoNodeFits",
    message: /^0 of 1 wanted nodes run the app; of the 2 nodes of the pool, 2 do not match placement\.nodeSelector$/,
    mend: () => bed.client.mergePatch(NODES, { name: "node-1" }, { metadata: { labels: { zone: "west" } } }),
  },
  {
    name: "an image that is not in the registry",
    spec: () => oci("missing"),
    reason: "OCI_NOT_FOUND",
    message:
      /: the registry does not have the manifest of 127\.0\.0\.1:\d+\/missing:1: Check the repository and the tag/,
    mend: () => Promise.resolve(repositories.add("missing")),
  },
  {
    name: "a registry that is away",
    spec: () => ({ source: { oci: { image: `127.0.0.1:${absentPort}/present:1` }, http: undefined } }),
    reason: "OCI_UNREACHABLE",
    message: /: the registry cannot be reached: connect ECONNREFUSED .*; it is tried again with a growing delay/,
    mend: () => listen(absentRegistry, absentPort),
  },
  {
    name: "a Secret that is missing",
    spec: () => ({ env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "token" } } }] }),
    reason: "SecretNotFound",
    message:
      /^spec\.env\[TOKEN\] refers to the Secret token, which is not in the namespace shop: create it, or correct/,
    mend: () => secret("token", { token: "t" }),
  },
  {
    name: "a ConfigMap that is missing",
    spec: () => ({ files: [{ name: "data", mountPath: "/data", configMap: { name: "data" } }] }),
    reason: "ConfigMapNotFound",
    message:
      /^spec\.files\[data\] refers to the ConfigMap data, which is not in the namespace shop: create it, or correct/,
    mend: () => {
      const metadata = { namespace: NAMESPACE, name: "data" };
      return bed.client.apply(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, data: {} });
    },
  },
  {
    name: "a pull secret that is no docker configuration",
    prepare: () => secret("pull", { ".dockerconfigjson": "hunter2" }),
    spec: () => oci("present", PULL_SECRET),
    reason: "OCI_CONFIG_INVALID",
    message:
      /: \.dockerconfigjson in the Secret pull is no docker configuration: expected an object in JSON: Make it anew, as/,
    mend: () => secret("pull", { ".dockerconfigjson": '{"auths":{}}' }),
  },
  {
    name: "a pull secret without its key",
    prepare: () => secret("empty", { password: "hunter2" }),
    spec: () => oci("present", { imagePullSecrets: [{ name: "empty" }] }),
    reason: "APP_REFERENCE_MISSING",
    message: /: the Secret empty has no key \.dockerconfigjson: Make it anew, as/,
    mend: () => secret("empty", { ".dockerconfigjson": "{}" }),
  },
  {
    name: "a range of ports that is used up, until it is widened",
    prepare: async () => {
      await makePool(bed.client, "narrow", { ports: { first: 21_000, last: 21_001 } });
      await bed.nodes.join("narrow");
      await makeApp(bed.client, "first", NARROW);
      await makeApp(bed.client, "second", NARROW);
      await Promise.all([whenWell(bed.client, "first"), whenWell(bed.client, "second")]);
    },
    spec: () => NARROW,
    reason: "PortsExhausted",
    message:
      /^every port from 21000 to 21001 of the WasmRuntime narrow is taken: widen its spec\.ports, or delete apps$/,
    mend: () => makePool(bed.client, "narrow", { ports: { first: 21_000, last: 21_002 } }),
  },
  {
    name: "a range of ports that is used up, until an app goes",
    spec: () => NARROW,
    reason: "PortsExhausted",
    message:
      /^every port from 21000 to 21002 of the WasmRuntime narrow is taken: widen its spec\.ports, or delete apps$/,
    mend: () => bed.client.delete(WASM_APPS, { namespace: NAMESPACE, name: "first" }),
  },
  {
    name: "a Service of its name that is somebody else's",
    prepare: (name) => {
      const metadata = { namespace: NAMESPACE, name };
      return bed.client.create(SERVICES, { apiVersion: "v1", kind: "Service", metadata, ...SERVICE });
    },
    spec: () => ({}),
    reason: "ServiceConflict",
    message: /^the Service \S+ belongs to something else .*: rename the app or remove that Service$/,
    mend: async (name) => {
      const service = await bed.client.get(SERVICES, { namespace: NAMESPACE, name });
      expect(service?.spec?.selector).toEqual(SERVICE.spec.selector);
      const { items } = await bed.client.list(ENDPOINT_SLICES, {
        namespace: NAMESPACE,
        labelSelector: `kubernetes.io/service-name=${name}`,
      });
      expect(items).toEqual([]);
      await bed.client.delete(SERVICES, { namespace: NAMESPACE, name });
    },
  },
  {
    name: "the strategy Canary",
    spec: () => ({ rollout: { strategy: "Canary", canary: { weight: 5 } } }),
    reason: "FieldNotSupported",
    message: /^spec\.rollout\.strategy Canary is not honoured yet: use RollingUpdate or Recreate$/,
    mend: (name) => change(name, { rollout: null }),
  },
];

async function versionsOf(name: string): Promise<(string | undefined)[]> {
  return (await replicasOf(bed.client, name)).map(({ metadata }) => metadata.resourceVersion);
}

/** Returns the event of an app with a type and a reason. */
async function eventOf(name: string, type: string, reason: string): Promise<Event | undefined> {
  const { uid } = (await appOf(bed.client, name)).metadata;
  const { items } = await bed.client.list(EVENTS, { namespace: NAMESPACE });
  return items.find((event) => event.regarding?.uid === uid && event.type === type && event.reason === reason);
}

describe.skipIf(!needCluster("control-plane"))("bad input to the operator on a real API server", () => {
  beforeAll(async () => {
    registry = createServer(answer);
    absentRegistry = createServer(answer);
    repositories.add("present");
    const hosts = [await listen(registry), await listen(absentRegistry)].map((port) => `127.0.0.1:${port}`);
    absentPort = (absentRegistry.address() as AddressInfo).port;
    await new Promise((resolve) => absentRegistry.close(resolve));
    bed = await startOperatorBed(2);
    operator = startOperatorProcess(
      bed.kubeconfig,
      hosts.flatMap((host) => ["--plain-http", host]),
    );
    await operator.whenLeading();
    await makeApp(bed.client, "neighbour", { scale: { minReplicas: 2 } });
    await whenWell(bed.client, "neighbour");
    neighbours = await versionsOf("neighbour");
  });
  afterAll(async () => {
    await operator?.[Symbol.asyncDispose]();
    await bed?.[Symbol.asyncDispose]();
    registry?.close();
    absentRegistry?.close();
  });
  afterEach(async () => {
    expect(await versionsOf("neighbour")).toEqual(neighbours);
    await whenWell(bed.client, "neighbour", 1000);
  });

  test.each(MISTAKES)(
    "contract: $name: $reason, an event, and well by itself once it is mended",
    async ({ spec, prepare, reason, message, mend }) => {
      const app = `app-${++made}`;
      await prepare?.(app);
      await makeApp(bed.client, app, spec());
      await waitFor(
        `${app} to be degraded`,
        async () => {
          const { status } = await appOf(bed.client, app);
          return (
            status?.conditions?.some((condition) => condition.type === "Degraded" && condition.status === "True") ??
            false
          );
        },
        { timeoutMs: 20_000 },
      );
      const found = await appOf(bed.client, app);
      const text: unknown = expect.stringMatching(message);
      expect(conditionOf(found, "Degraded")).toMatchObject({ status: "True", reason, message: text });
      expect(conditionOf(found, "Ready")).toMatchObject({ status: "False", reason, message: text });
      expect(JSON.stringify(found.status)).not.toContain("hunter2");
      await waitFor(`the event ${reason}`, async () => (await eventOf(app, "Warning", reason)) !== undefined);
      expect((await eventOf(app, "Warning", reason))?.note).toMatch(message);
      await mend(app);
      await whenWell(bed.client, app);
      await waitFor("the event of recovery", async () => (await eventOf(app, "Normal", "Recovered")) !== undefined);
    },
  );

  test("a schedule that is none is refused by the API server", async () => {
    const made = makeApp(bed.client, "cron", { trigger: { cron: { schedule: "61 * * * *" } } });
    await expect(made).rejects.toMatchObject({
      code: "KUBE_INVALID",
      facts: { causes: [{ field: "spec.trigger.cron.schedule" }] },
    });
  });

  test("the operator's log has no errors", () => {
    expect(operator.lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(operator.errors).toEqual([]);
  });
});
