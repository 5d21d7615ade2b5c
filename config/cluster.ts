/** What Kubernetes tells a pod through its environment; all of it is missing outside a cluster. */
export interface ClusterConfig {
  /** `spec.nodeName`, by the downward API. */
  readonly nodeName?: string;
  /** `metadata.name`. */
  readonly podName?: string;
  /** `metadata.namespace`. */
  readonly podNamespace?: string;
  /** `status.podIP`. */
  readonly podIP?: string;
  /** Where the API server is, for pods. */
  readonly apiServer?: { readonly host: string; readonly port: string };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads what a pod is told: `NODE_NAME`, `POD_NAME`, `POD_NAMESPACE`, `POD_IP` and where the API server is. */
export function readClusterConfig(environment: Environment = process.env): ClusterConfig {
  const valueOf = (name: string): string | undefined => environment[name] || undefined;
  const [nodeName, podName] = [valueOf("NODE_NAME"), valueOf("POD_NAME")];
  const [podNamespace, podIP] = [valueOf("POD_NAMESPACE"), valueOf("POD_IP")];
  const host = valueOf("KUBERNETES_SERVICE_HOST");
  const port = valueOf("KUBERNETES_SERVICE_PORT") ?? "443";
  return Object.freeze({
    ...(nodeName !== undefined && { nodeName }),
    ...(podName !== undefined && { podName }),
    ...(podNamespace !== undefined && { podNamespace }),
    ...(podIP !== undefined && { podIP }),
    ...(host !== undefined && { apiServer: Object.freeze({ host, port }) }),
  });
}
