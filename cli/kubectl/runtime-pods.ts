import { WasmletError } from "../../common/errors.ts";
import { isKubeError } from "../../kube/kube-error.ts";
import { PODS, type Pod } from "../../kube/resources.ts";
import { RUNTIME_LABEL } from "../../operator/cluster-state.ts";
import type { Session } from "./session.ts";

/** Where Wasmlet is unless somebody chose another place. */
const USUAL_NAMESPACE = "wasmlet-system";

/** Returns the pods of all node runtimes; throws RUNTIME_PODS_MISSING when there are none to be seen. */
export async function listRuntimePods({ client, systemNamespace }: Session): Promise<Pod[]> {
  const listIn = async (namespace: string | undefined): Promise<Pod[]> =>
    (await client.list(PODS, { namespace, labelSelector: RUNTIME_LABEL })).items;
  let pods: Pod[];
  try {
    pods = await listIn(systemNamespace).catch((thrown: unknown) => {
      // Whoever may not look everywhere may be allowed to look there.
      if (systemNamespace === undefined && isKubeError(thrown, "KUBE_FORBIDDEN")) return listIn(USUAL_NAMESPACE);
      throw thrown;
    });
  } catch (thrown) {
    if (!isKubeError(thrown, "KUBE_FORBIDDEN")) throw thrown;
    throw new WasmletError("RUNTIME_PODS_MISSING", "you may not list the pods of node runtimes", {
      expected: `\`list\` of \`pods\` in the namespace ${systemNamespace ?? USUAL_NAMESPACE}`,
      actual: thrown.message,
      cause: thrown,
    });
  }
  if (pods.length > 0) return pods;
  const where = systemNamespace === undefined ? "the cluster" : `the namespace ${systemNamespace}`;
  throw new WasmletError("RUNTIME_PODS_MISSING", `there are no pods of node runtimes in ${where}`);
}

/** Returns Wasmlet's own namespace: the one that is named, or where its pods are, or, to who may not look, the usual one. */
export async function findSystemNamespace(session: Session): Promise<string> {
  if (session.systemNamespace !== undefined) return session.systemNamespace;
  try {
    const [pod] = await listRuntimePods(session);
    return pod?.metadata.namespace ?? USUAL_NAMESPACE;
  } catch (thrown) {
    // Reading the log of a pod is another right than listing pods.
    if (thrown instanceof WasmletError && isKubeError(thrown.cause, "KUBE_FORBIDDEN")) return USUAL_NAMESPACE;
    throw thrown;
  }
}
