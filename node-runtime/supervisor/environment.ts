import { WasmletError } from "../../common/errors.ts";
import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { ObjectLookup } from "./object-lookup.ts";

type EnvVar = AppTemplate["env"][number];

/** The downward API's fields that an app has. */
export interface AppFields {
  name: string;
  namespace: string;
  labels?: Readonly<Record<string, string>> | undefined;
  annotations?: Readonly<Record<string, string>> | undefined;
  /** On a cluster. */
  nodeName?: string;
}

/** Returns the app's environment as Kubernetes makes a container's: `envFrom` first, `env` wins, later entries win. */
export function resolveEnvironment(
  template: Pick<AppTemplate, "env" | "envFrom">,
  fields: AppFields,
  lookup: ObjectLookup,
): [string, string][] {
  const variables = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of template.envFrom) {
    const entries =
      configMapRef !== undefined
        ? lookup.entries("ConfigMap", configMapRef.name, configMapRef.optional)
        : lookup.entries("Secret", secretRef!.name, secretRef!.optional);
    for (const [key, value] of entries ?? []) variables.set(prefix + key, textOf(value));
  }
  for (const variable of template.env) {
    const value = valueOf(variable, fields, lookup);
    if (value !== undefined) variables.set(variable.name, value);
  }
  return [...variables];
}

function valueOf({ name, value, valueFrom }: EnvVar, fields: AppFields, lookup: ObjectLookup): string | undefined {
  if (valueFrom === undefined) return value ?? "";
  const { configMapKeyRef: config, secretKeyRef: secret, fieldRef } = valueFrom;
  const bytes =
    config !== undefined
      ? lookup.key("ConfigMap", config.name, config.key, config.optional)
      : secret !== undefined
        ? lookup.key("Secret", secret.name, secret.key, secret.optional)
        : undefined;
  if (fieldRef !== undefined) return fieldOf(fields, fieldRef.fieldPath, name);
  return bytes && textOf(bytes);
}

function fieldOf(fields: AppFields, fieldPath: string, variable: string): string {
  if (fieldPath === "metadata.name") return fields.name;
  if (fieldPath === "metadata.namespace") return fields.namespace;
  if (fieldPath === "spec.nodeName" && fields.nodeName !== undefined) return fields.nodeName;
  const key = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (key !== null) return fields[key[1] as "labels" | "annotations"]?.[key[2]!] ?? "";
  throw new WasmletError("APP_FIELD_NOT_SUPPORTED", `the field ${fieldPath} is not known without a cluster`, {
    where: `spec.env[${variable}].valueFrom.fieldRef`,
    expected: "metadata.name, metadata.namespace, metadata.labels['…'] or metadata.annotations['…']",
  });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
