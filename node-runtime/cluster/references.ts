import type { AppTemplate } from "../../crds/wasm-replica/types.ts";

/** A ConfigMap or Secret that an app refers to, in the app's own namespace. */
export interface Reference {
  kind: "ConfigMap" | "Secret";
  namespace: string;
  name: string;
  /** Whether the app starts without it: so only if no part of the app needs it. */
  isOptional: boolean;
}

/** Returns every object that a template refers to, each once. */
export function referencesOf(template: AppTemplate, namespace: string): Reference[] {
  const found = new Map<string, Reference>();
  for (const [kind, name, isOptional] of namedIn(template)) {
    const key = `${kind} ${name}`;
    const known = found.get(key);
    found.set(key, { kind, namespace, name, isOptional: isOptional && (known?.isOptional ?? true) });
  }
  return [...found.values()];
}

/** Returns the key of an object among those of all namespaces. */
export function referenceKey({ kind, namespace, name }: Omit<Reference, "isOptional">): string {
  return `${kind} ${namespace}/${name}`;
}

function* namedIn(template: AppTemplate): Generator<[kind: Reference["kind"], name: string, isOptional: boolean]> {
  const { source, env, envFrom, files } = template;
  if (source.configMap !== undefined) yield ["ConfigMap", source.configMap.name, false];
  for (const { name } of source.oci?.imagePullSecrets ?? []) yield ["Secret", name, false];
  for (const { configMapRef, secretRef } of envFrom) {
    if (configMapRef !== undefined) yield ["ConfigMap", configMapRef.name, configMapRef.optional];
    if (secretRef !== undefined) yield ["Secret", secretRef.name, secretRef.optional];
  }
  for (const { valueFrom } of env) {
    const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
    if (configMapKeyRef !== undefined) yield ["ConfigMap", configMapKeyRef.name, configMapKeyRef.optional];
    if (secretKeyRef !== undefined) yield ["Secret", secretKeyRef.name, secretKeyRef.optional];
  }
  for (const { configMap, secret } of files) {
    if (configMap !== undefined) yield ["ConfigMap", configMap.name, configMap.optional];
    if (secret !== undefined) yield ["Secret", secret.secretName, secret.optional];
  }
}
