import { buildReplica, buildRevision } from "../../operator/apps/resources.ts";
import { minimalApp } from "../../operator/apps/test-fixtures.ts";
import { buildTemplate, withImage } from "../../operator/apps/template.ts";
import type { WasmAppObject, WasmAppStatus, WasmReplica } from "../../operator/objects.ts";
import type { ControllerRevision } from "../../kube/resources.ts";

/* What tests of the plugin begin with. */

const DIGEST = `sha256:${"1".repeat(64)}`;

/** Returns an app from a registry that serves on all its nodes. */
export function servingApp(spec: object = {}, status: Partial<WasmAppStatus> = {}): WasmAppObject {
  const app = minimalApp({ source: { oci: { image: "example.com/hello:2" } }, ...spec });
  return {
    ...app,
    metadata: { ...app.metadata, resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z" },
    status: {
      observedGeneration: 1,
      revision: "rev2",
      image: pinned("2"),
      ready: "2/2",
      url: "http://hello.default.svc",
      startP50: "0.4ms",
      lastProgressTime: "2026-01-01T00:00:00Z",
      conditions: [
        condition("Ready", "True", "Serving", "serves on 2 of 2 nodes"),
        condition("Progressing", "False", "UpToDate", "revision rev2 runs on 2 nodes"),
        condition("Degraded", "False", "AsExpected", "nothing is wrong that Wasmlet knows of"),
      ],
      ...status,
    },
  };
}

/** Returns the image of a tag with a digest. */
export function pinned(tag: string): string {
  return `example.com/hello:${tag}@${DIGEST}`;
}

/** Returns a condition of an app. */
export function condition(
  type: string,
  status: "True" | "False",
  reason: string,
  message = reason,
): NonNullable<WasmAppStatus["conditions"]>[number] {
  return { type, status, reason, message, lastTransitionTime: "2026-01-01T00:00:00Z" };
}

/** Returns the app's replica on a node, as its pod reports it. */
export function replicaOf(
  app: WasmAppObject,
  node: string,
  change: { revision?: string; podName?: string; template?: WasmReplica["spec"]["template"] } = {},
): WasmReplica {
  const { revision = "rev2", podName = `runtime-${node}` } = change;
  const template = change.template ?? withImage(buildTemplate(app), app.status?.image);
  const replica = buildReplica(app, node, "default", { revision, template }, 20_000);
  return {
    ...replica,
    metadata: { ...replica.metadata, resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z" },
    status: {
      state: "Ready",
      revision,
      podName,
      podIP: "10.0.0.1",
      startP50: "0.4ms",
      startPhases: { instantiate: "0.1ms", first_response: "0.3ms" },
    },
  };
}

/** Returns the record of a revision with another image, and whatever else is said. */
export function recordOf(app: WasmAppObject, number: number, change: object = {}): ControllerRevision {
  const template = { ...buildTemplate(app), source: { oci: { image: pinned(String(number)) } }, ...change };
  const record = buildRevision(app, { revision: `rev${number}`, template }, number);
  return {
    ...record,
    metadata: { ...record.metadata, resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z" },
  };
}
