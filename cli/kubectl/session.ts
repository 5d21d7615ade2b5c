import { readClusterConfig } from "../../config/cluster.ts";
import { findKubeconfigs } from "../../config/kubeconfig.ts";
import { KubeClient } from "../../kube/client.ts";
import { connectFromKubeconfig, connectFromPod, readPodNamespace, type Connection } from "../../kube/connection.ts";
import { KubeError } from "../../kube/kube-error.ts";

/** The options that every command of the plugin has. */
export interface ClusterFlags {
  namespace?: string;
  kubeconfig?: string;
  context?: string;
  systemNamespace?: string;
}

/** What a command works with. */
export interface Session {
  client: KubeClient;
  /** Namespace that is meant where none is named. */
  namespace: string;
  /** Wasmlet's own, where the command line names it. */
  systemNamespace: string | undefined;
}

const FIELD_MANAGER = "kubectl-wasmlet";
/** A person waits for one answer: many at once would only fill memory. */
const MAX_CONNECTIONS = 8;

/** Runs `work` with a client of the cluster that the options and the environment mean, and closes it. */
export async function withSession<T>(flags: ClusterFlags, work: (session: Session) => Promise<T>): Promise<T> {
  const { connection, namespace } = await connect(flags);
  const client = new KubeClient(connection, { fieldManager: FIELD_MANAGER, maxConnections: MAX_CONNECTIONS });
  try {
    return await work({
      client,
      namespace: flags.namespace ?? namespace ?? "default",
      systemNamespace: flags.systemNamespace,
    });
  } finally {
    await client.close();
  }
}

async function connect(flags: ClusterFlags): Promise<{ connection: Connection; namespace: string | undefined }> {
  const { kubeconfig, context } = flags;
  const files = kubeconfig === undefined ? findKubeconfigs() : [kubeconfig];
  if (files.length > 0) {
    const connection = await connectFromKubeconfig(files, { context });
    return { connection, namespace: connection.namespace };
  }
  const { apiServer } = readClusterConfig();
  if (apiServer !== undefined && context === undefined) {
    return { connection: connectFromPod(apiServer), namespace: await readPodNamespace() };
  }
  throw new KubeError("KUBE_CONFIG_INVALID", "there is no kubeconfig", {
    expected: "--kubeconfig FILE, KUBECONFIG, ~/.kube/config, or a pod's ServiceAccount",
    fix: "Name one with --kubeconfig; `kubectl config view` shows which one kubectl uses.",
  });
}
