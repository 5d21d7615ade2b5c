import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { HOST_ADDRESS } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { makeTemporaryFolder } from "../harness.ts";

/*
 * What prometheus-adapter and KEDA are to a cluster: the server behind `external.metrics.k8s.io`, which autoscalers ask for
 * metrics. The API server passes on to it, by an APIService and a Service whose one endpoint is this process.
 *
 *   autoscaler ── API server ── Service wasmlet-test-metrics ── this process
 */

const GROUP = "external.metrics.k8s.io";
const VERSION = "v1beta1";
const API = `/apis/${GROUP}/${VERSION}`;
const NAME = "wasmlet-test-metrics";
const NAMESPACE = "kube-system";
const PORT = { name: "https", port: 443, protocol: "TCP" };

/** Returns a metric's value now. */
export type ReadMetric = (metric: string, labels: Readonly<Record<string, string>>) => Promise<number>;

/** Gives a cluster external metrics; resolves once its API has them. To dispose of it takes them away. */
export async function serveExternalMetrics(cluster: Cluster, read: ReadMetric): Promise<AsyncDisposable> {
  const { key, certificate } = makeCertificate();
  const server = createServer({ key, cert: certificate }, (request, response) => {
    answer(new URL(request.url ?? "/", "https://localhost"), read).then(
      (body) => send(response, body === undefined ? 404 : 200, body ?? {}),
      (error: unknown) => send(response, 500, { message: String(error) }),
    );
  });
  await once(server.listen(0, HOST_ADDRESS), "listening");
  const objects = objectsOf((server.address() as AddressInfo).port, certificate);
  const input = objects.map((object) => JSON.stringify(object)).join("\n---\n");
  await cluster.kubectl(["apply", "-f", "-"], { input });
  await cluster.kubectl(["wait", `apiservice/${VERSION}.${GROUP}`, "--for=condition=Available", "--timeout=60s"]);
  return {
    [Symbol.asyncDispose]: async () => {
      await cluster.kubectl(["delete", "-f", "-", "--ignore-not-found"], { input });
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What the API has is a list of no resources: metrics have any name. */
async function answer({ pathname, searchParams }: URL, read: ReadMetric): Promise<object | undefined> {
  if (pathname === API)
    return { kind: "APIResourceList", apiVersion: "v1", groupVersion: `${GROUP}/${VERSION}`, resources: [] };
  const [, metric] = /\/namespaces\/[^/]+\/([^/]+)$/.exec(pathname) ?? [];
  if (metric === undefined || !pathname.startsWith(API)) return undefined;
  const selector = searchParams.get("labelSelector") ?? "";
  const metricLabels = Object.fromEntries(selector.split(",").map((term) => term.split("=", 2))) as Record<
    string,
    string
  >;
  const value = `${Math.round((await read(metric, metricLabels)) * 1000)}m`;
  const item = { metricName: metric, metricLabels, timestamp: new Date().toISOString(), value };
  return { kind: "ExternalMetricValueList", apiVersion: `${GROUP}/${VERSION}`, metadata: {}, items: [item] };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function objectsOf(port: number, certificate: string): object[] {
  const metadata = { name: NAME, namespace: NAMESPACE };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [PORT] } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": NAME } },
      addressType: "IPv4",
      ports: [{ ...PORT, port }],
      endpoints: [{ addresses: [HOST_ADDRESS], conditions: { ready: true } }],
    },
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `${VERSION}.${GROUP}` },
      spec: {
        group: GROUP,
        version: VERSION,
        groupPriorityMinimum: 100,
        versionPriority: 100,
        service: { name: NAME, namespace: NAMESPACE },
        caBundle: Buffer.from(certificate).toString("base64"),
      },
    },
  ];
}

/** Returns a certificate for the name by which the API server asks. */
function makeCertificate(): { key: string; certificate: string } {
  const folder = makeTemporaryFolder();
  try {
    const [key, certificate] = [join(folder.path, "key.pem"), join(folder.path, "certificate.pem")];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const subject = ["-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME}.${NAMESPACE}.svc`];
    execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate], {
      stdio: "ignore",
    });
    return { key: readFileSync(key, "utf8"), certificate: readFileSync(certificate, "utf8") };
  } finally {
    folder.remove();
  }
}
