import type { AppTemplate } from "../../crds/wasm-replica/types.ts";

/** A Secret or ConfigMap that an app refers to. */
export interface Reference {
  kind: "Secret" | "ConfigMap";
  name: string;
  /** Whether the app starts without it. */
  isOptional: boolean;
  /** Where the app names it first. */
  field: string;
}

/** Returns what a template refers to, each object once, in the order of kinds and names; it is optional if each mention is. */
export function referencesOf(template: AppTemplate): Reference[] {
  const found = new Map<string, Reference>();
  for (const reference of mentions(template)) {
    const key = `${reference.kind} ${reference.name}`;
    const known = found.get(key);
    if (known === undefined || (known.isOptional && !reference.isOptional)) found.set(key, reference);
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
}

function* mentions({ source, env, envFrom, files }: AppTemplate): Generator<Reference> {
  if (source.configMap !== undefined) yield required("ConfigMap", source.configMap.name, "spec.source.configMap");
  for (const { name } of source.oci?.imagePullSecrets ?? []) {
    yield required("Secret", name, "spec.source.oci.imagePullSecrets");
  }
  for (const { name: variable, valueFrom } of env) {
    const field = `spec.env[${variable}]`;
    const { configMapKeyRef: config, secretKeyRef: secret } = valueFrom ?? {};
    if (config !== undefined) yield { kind: "ConfigMap", name: config.name, isOptional: config.optional, field };
    if (secret !== undefined) yield { kind: "Secret", name: secret.name, isOptional: secret.optional, field };
  }
  for (const { configMapRef: config, secretRef: secret } of envFrom) {
    const field = "spec.envFrom";
    if (config !== undefined) yield { kind: "ConfigMap", name: config.name, isOptional: config.optional, field };
    if (secret !== undefined) yield { kind: "Secret", name: secret.name, isOptional: secret.optional, field };
  }
  for (const { name: volume, configMap: config, secret } of files) {
    const field = `spec.files[${volume}]`;
    if (config !== undefined) yield { kind: "ConfigMap", name: config.name, isOptional: config.optional, field };
    if (secret !== undefined) yield { kind: "Secret", name: secret.secretName, isOptional: secret.optional, field };
  }
}

function required(kind: Reference["kind"], name: string, field: string): Reference {
  return { kind, name, isOptional: false, field };
}
