import { WasmletError } from "../common/errors.ts";
import type { ClusterConfig } from "../config/cluster.ts";
import type { Connection } from "../kube/connection.ts";

/** Returns how the API server is reached: by the kubeconfig that was named, else as a pod does. Throws CLI_USAGE outside a pod. */
export async function connectCluster(
  kubeconfig: string | undefined,
  { apiServer }: ClusterConfig,
): Promise<Connection> {
  const { connectFromKubeconfig, connectFromPod } = await import("../kube/connection.ts");
  if (kubeconfig !== undefined) return connectFromKubeconfig(kubeconfig);
  if (apiServer !== undefined) return connectFromPod(apiServer);
  throw neededOutsidePod("--kubeconfig", "a kubeconfig file, or the environment of a pod");
}

/** Returns the error of an option that may only be left out in a pod. */
export function neededOutsidePod(option: string, expected: string): WasmletError {
  const message = `${option} is needed outside a pod`;
  return new WasmletError("CLI_USAGE", message, { where: option, expected, actual: "nothing" });
}
