import { WasmletError } from "../../common/errors.ts";
import type { WasmApp } from "../../crds/wasm-app/types.ts";
import type { ObjectLookup } from "./object-lookup.ts";

type EnvVar = WasmApp["spec"]["env"][number];

/** Returns the app's environment as Kubernetes makes a container's: `envFrom` first, `env` wins, later entries win. */
export function resolveEnvironment(app: WasmApp, lookup: ObjectLookup): [string, string][] {
  const variables = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of app.spec.envFrom) {
    const entries =
      configMapRef !== undefined
        ? lookup.entries("ConfigMap", configMapRef.name, configMapRef.optional)
        : lookup.entries("Secret", secretRef!.name, secretRef!.optional);
    for (const [key, value] of entries ?? []) variables.set(prefix + key, textOf(value));
  }
  for (const variable of app.spec.env) {
    const value = valueOf(variable, app, lookup);
    if (value !== undefined) variables.set(variable.name, value);
  }
  return [...variables];
}

function valueOf({ name, value, valueFrom }: EnvVar, app: WasmApp, lookup: ObjectLookup): string | undefined {
  if (valueFrom === undefined) return value ?? "";
  const { configMapKeyRef: config, secretKeyRef: secret, fieldRef } = valueFrom;
  const bytes =
    config !== undefined
      ? lookup.key("ConfigMap", config.name, config.key, config.optional)
      : secret !== undefined
        ? lookup.key("Secret", secret.name, secret.key, secret.optional)
        : undefined;
  if (fieldRef !== undefined) return fieldOf(app, fieldRef.fieldPath, name);
  return bytes && textOf(bytes);
}

/** The downward API's fields that an app has. */
function fieldOf({ metadata }: WasmApp, fieldPath: string, variable: string): string {
  if (fieldPath === "metadata.name") return metadata.name;
  if (fieldPath === "metadata.namespace") return metadata.namespace;
  const key = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (key !== null) return metadata[key[1] as "labels" | "annotations"]?.[key[2]!] ?? "";
  throw new WasmletError("APP_FIELD_NOT_SUPPORTED", `the field ${fieldPath} is not known without a cluster`, {
    where: `spec.env[${variable}].valueFrom.fieldRef`,
    expected: "metadata.name, metadata.namespace, metadata.labels['…'] or metadata.annotations['…']",
  });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
