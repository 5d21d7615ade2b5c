import { createHash } from "node:crypto";
import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { WasmAppObject } from "../objects.ts";
import type { Reference } from "./references.ts";

/** Whoever wants an app started anew without changing it sets this annotation to the time. */
export const RESTARTED_AT = "wasmlet.dev/restarted-at";

const REVISION_DIGITS = 10;

/** Returns what a node runs of an app, its image still as the user wrote it. Fields of its metadata become plain values. */
export function buildTemplate({ metadata, spec }: WasmAppObject): AppTemplate {
  const { source, trigger, env, envFrom, files, limits, isolation, network, scale } = spec;
  return {
    source,
    trigger,
    env: env.map((variable) => {
      const path = variable.valueFrom?.fieldRef?.fieldPath;
      if (path === undefined || path === "spec.nodeName") return variable;
      return { name: variable.name, value: fieldOf(metadata, path) };
    }),
    envFrom,
    files,
    limits,
    isolation,
    network,
    idleSeconds: scale.idleSeconds,
  };
}

/** Returns the revision of a template: it changes with it, with what it refers to, and when a restart was asked for. */
export function revisionOf(
  app: WasmAppObject,
  template: AppTemplate,
  references: readonly Reference[],
  versionOf: (reference: Reference) => string | undefined,
): string {
  const versions = references.map((reference) => [reference.kind, reference.name, versionOf(reference) ?? ""]);
  const restartedAt = app.metadata.annotations?.[RESTARTED_AT] ?? "";
  const hash = createHash("sha256")
    .update(canonical([template, versions, restartedAt]))
    .digest("hex");
  return hash.slice(0, REVISION_DIGITS);
}

/** Returns the template with the image that its tag led to. */
export function withImage(template: AppTemplate, image: string | undefined): AppTemplate {
  const { oci } = template.source;
  if (oci === undefined || image === undefined) return template;
  return { ...template, source: { oci: { ...oci, image } } };
}

/** Returns JSON with the keys of objects in order, so that equal values have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** The downward API's fields that an app has; where there is none, the value is empty, as in a pod. */
function fieldOf({ name, namespace, labels, annotations }: WasmAppObject["metadata"], path: string): string {
  if (path === "metadata.name") return name;
  if (path === "metadata.namespace") return namespace ?? "";
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  return (map === "labels" ? labels : annotations)?.[key] ?? "";
}
