import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { KubeClient } from "../../kube/client.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { clusterWide } from "../../kube/resources.ts";
import { waitFor } from "../cluster/processes.ts";
import { repositoryFile } from "../harness.ts";

interface CustomResourceDefinition extends KubeObject {
  status?: { conditions?: { type: string; status: string }[] };
}

const CRDS = clusterWide<CustomResourceDefinition>(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "customresourcedefinitions",
);
const PLURALS = ["wasmapps", "wasmreplicas", "wasmruntimes", "startupbenchmarks"];

/** Installs the project's kinds and resolves when the API server serves them. */
export async function applyCrds(client: KubeClient): Promise<void> {
  for (const plural of PLURALS) {
    const file = repositoryFile(`crds/generated/${plural}.wasmlet.dev.yaml`);
    await client.apply(CRDS, parse(readFileSync(file, "utf8")) as CustomResourceDefinition);
  }
  await waitFor("the kinds to be served", async () => {
    const found = await Promise.all(PLURALS.map((plural) => client.get(CRDS, { name: `${plural}.wasmlet.dev` })));
    return found.every((crd) =>
      crd?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True"),
    );
  });
  // Established kinds are served a moment later.
  await waitFor("lists of them", async () => {
    const asked = PLURALS.map((plural) =>
      client.text(`/apis/wasmlet.dev/v1alpha1/${plural}?limit=1`).then(
        () => true,
        () => false,
      ),
    );
    return (await Promise.all(asked)).every(Boolean);
  });
}
