import type { Cluster } from "../cluster/cluster-handle.ts";
import { waitFor } from "../cluster/processes.ts";
import { repositoryFile } from "../harness.ts";
import { loadImages } from "./images.ts";
import { ask } from "./service-load.ts";

export const SYSTEM_NAMESPACE = "wasmlet-system";

const KINDS = ["wasmapps", "wasmreplicas", "wasmruntimes", "startupbenchmarks"].map(
  (plural) => `${plural}.wasmlet.dev`,
);

/** Installs Wasmlet from this checkout's chart and resolves when every node takes apps. */
export async function installWasmlet(cluster: Cluster, values: readonly string[] = []): Promise<void> {
  await loadImages(cluster);
  const sets = values.flatMap((value) => ["--set", value]);
  const chart = repositoryFile("charts/wasmlet");
  const where = ["--namespace", SYSTEM_NAMESPACE, "--create-namespace"];
  await cluster.helm(["upgrade", "--install", "wasmlet", chart, ...where, "--wait", "--timeout", "120s", ...sets]);
  await cluster.kubectl(["wait", "wasmruntime/default", "--for=create", "--timeout=60s"]);
  await cluster.kubectl(["wait", "wasmruntime/default", "--for=condition=Ready", "--timeout=120s"]);
}

/** Applies `examples/NAME.yaml` and returns the URL of its Service once that answers from all replicas. */
export async function serveExample(cluster: Cluster, name: string): Promise<string> {
  await cluster.kubectl(["apply", "-f", repositoryFile(`examples/${name}.yaml`)]);
  return urlOfApp(cluster, name);
}

/** Returns the URL of an app's Service once the app is ready and that answers. */
export async function urlOfApp(cluster: Cluster, name: string): Promise<string> {
  await cluster.kubectl(["wait", `wasmapp/${name}`, "--for=condition=Ready", "--timeout=60s"]);
  const url = `http://${await cluster.kubectl(["get", "service", name, "-o", "jsonpath={.spec.clusterIP}"])}/`;
  await waitFor("the Service to answer", async () => (await ask(url)) === undefined, { timeoutMs: 30_000 });
  return url;
}

/** Deletes what `serveExample` applied, and Wasmlet. */
export async function removeExample(cluster: Cluster, name: string): Promise<void> {
  await cluster.kubectl(["delete", "-f", repositoryFile(`examples/${name}.yaml`), "--ignore-not-found"]).catch(nothing);
  await uninstallWasmlet(cluster);
}

/** Removes Wasmlet and everything of it, apps as well; nothing where there is none. */
export async function uninstallWasmlet(cluster: Cluster): Promise<void> {
  for (const kind of KINDS) await cluster.kubectl(["delete", kind, "--all", "--all-namespaces"]).catch(nothing);
  await cluster.helm(["uninstall", "wasmlet", "--namespace", SYSTEM_NAMESPACE, "--wait"]).catch(nothing);
  await cluster.kubectl(["delete", "crd", ...KINDS, "--ignore-not-found"]);
  await cluster.kubectl(["delete", "namespace", SYSTEM_NAMESPACE, "--ignore-not-found"]);
}

function nothing(): string {
  return "";
}
