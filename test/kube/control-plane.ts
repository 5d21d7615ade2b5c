import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig } from "../../kube/connection.ts";
import { CONFIG_MAPS, NAMESPACES, type ConfigMap } from "../../kube/resources.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Cluster } from "../cluster/cluster-handle.ts";

/** A real API server with a client of ours. */
export interface ControlPlane extends AsyncDisposable {
  cluster: Cluster;
  client: KubeClient;
  /** Returns one more client, with connections of its own. */
  connect: (maxConnections?: number) => Promise<KubeClient>;
}

/** Starts an API server and etcd, and nothing else. */
export async function startControlPlane(): Promise<ControlPlane> {
  const cluster = await startCluster({ level: "control-plane" });
  const clients: KubeClient[] = [];
  const connect = async (maxConnections = 32): Promise<KubeClient> => {
    const client = new KubeClient(await connectFromKubeconfig(cluster.kubeconfig), {
      fieldManager: "wasmlet-test",
      maxConnections,
    });
    clients.push(client);
    return client;
  };
  return {
    cluster,
    client: await connect(),
    connect,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** Creates a namespace for one test. */
export async function makeNamespace(client: KubeClient, name: string): Promise<string> {
  await client.create(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  return name;
}

/** Returns a small object. */
export function minimalConfigMap(namespace: string, name: string, value = "1"): ConfigMap {
  const metadata = { name, namespace, labels: { app: "test" } };
  return { apiVersion: CONFIG_MAPS.apiVersion, kind: CONFIG_MAPS.kind, metadata, data: { value } };
}

/** Does something for each of so many numbers, so many at a time. */
export async function forEach(
  count: number,
  concurrency: number,
  work: (n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
