import { statSync } from "node:fs";
import { resolve, dirname } from "node:path";
import { WasmletError } from "../../common/errors.ts";
import type { LoadedManifest } from "../../crds/load.ts";
import type { ConfigMap, Secret } from "../../crds/manifest/core-objects.ts";
import type { RefusedField } from "../../crds/wasm-app/refused-fields.ts";
import { parseQuantity } from "../../crds/quantity.ts";
import type { ArtifactSource, DesiredApp, Volume } from "./desired-state.ts";
import { resolveEnvironment } from "./environment.ts";
import { ObjectLookup } from "./object-lookup.ts";

/** Requests that one app serves at a time when `limits.concurrency` is left out. */
const DEFAULT_CONCURRENCY = 1000;

/** Where a Secret of type kubernetes.io/dockerconfigjson has its content. */
const PULL_SECRET_KEY = ".dockerconfigjson";

/** Turns a manifest and the objects beside it into a desired app; what cannot be honoured becomes its refusal. */
export function desiredAppOf(
  manifest: LoadedManifest,
  configMaps: readonly ConfigMap[],
  secrets: readonly Secret[],
): DesiredApp {
  const { app } = manifest;
  const { name, namespace } = app.metadata;
  const lookup = new ObjectLookup(namespace, configMaps, secrets);
  const desired: DesiredApp = {
    id: `${namespace}/${name}`,
    namespace,
    name,
    source: { kind: "bytes", bytes: new Uint8Array(0) },
    trigger: triggerOf(app.spec.trigger),
    args: [name, ...(app.spec.trigger.command?.args ?? [])],
    env: [],
    volumes: [],
    allowedOutboundHosts: app.spec.network.allowedOutboundHosts,
    reuse: app.spec.isolation.reuse,
    cellGroup: { Shared: "", Namespace: namespace, App: `${namespace}/${name}` }[app.spec.isolation.cell],
    maxMemoryBytes: parseQuantity(app.spec.limits.memory) ?? 0,
    requestTimeoutMs: app.spec.limits.requestTimeoutSeconds * 1000,
    concurrency: app.spec.limits.concurrency ?? DEFAULT_CONCURRENCY,
    idleMs: app.spec.scale.idleSeconds * 1000,
    ...(manifest.port !== undefined && { port: manifest.port }),
  };
  try {
    refuseUnsupported(manifest);
    desired.source = sourceOf(manifest, lookup);
    desired.env = resolveEnvironment(app, lookup);
    desired.volumes = app.spec.files.map((files) => volumeOf(files, lookup));
  } catch (thrown) {
    if (!(thrown instanceof WasmletError)) throw thrown;
    desired.refusal = thrown;
  }
  return desired;
}

function triggerOf(trigger: LoadedManifest["app"]["spec"]["trigger"]): DesiredApp["trigger"] {
  const { command } = trigger;
  return command === undefined ? { kind: "http" } : { kind: "command", restartPolicy: command.restartPolicy };
}

/** Fields that the API carries and this runtime does not honour yet: refused, so that nobody relies on them. */
function refuseUnsupported(manifest: LoadedManifest): void {
  const { spec } = manifest.app;
  const unsupported: [field: RefusedField, isUsed: boolean][] = [
    ["spec.trigger.cron", spec.trigger.cron !== undefined],
    ["spec.limits.cpuTimePerRequest", spec.limits.cpuTimePerRequest !== undefined],
    ["spec.limits.requestsPerSecond", spec.limits.requestsPerSecond !== undefined],
  ];
  for (const [field, isUsed] of unsupported) if (isUsed) throw notHonoured(field, placeOf(manifest, field));
}

function notHonoured(field: RefusedField, where: string): WasmletError {
  return new WasmletError("APP_FIELD_NOT_SUPPORTED", `${field} is not honoured by this node runtime yet`, { where });
}

function placeOf(manifest: LoadedManifest, field: RefusedField): string {
  const { line, column } = manifest.locate(field.split("."));
  return `${manifest.file}:${line}:${column}`;
}

function sourceOf(manifest: LoadedManifest, lookup: ObjectLookup): ArtifactSource {
  const { source } = manifest.app.spec;
  if (manifest.sourcePath !== undefined) {
    const path = resolve(dirname(manifest.file), manifest.sourcePath);
    return { kind: "file", path, stamp: stampOf(path) };
  }
  if (source.http !== undefined) return { kind: "http", ...source.http };
  if (source.configMap !== undefined) {
    return { kind: "bytes", bytes: lookup.configMapKey(source.configMap.name, source.configMap.key) };
  }
  const { image, imagePullPolicy: policy, imagePullSecrets = [] } = source.oci!;
  const secrets = imagePullSecrets.map(({ name }) => lookup.key("Secret", name, PULL_SECRET_KEY)!);
  return { kind: "oci", image, secrets, ...(policy !== undefined && { policy }) };
}

/** Returns a text that changes when the file does. */
export function stampOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "missing" : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

function volumeOf(files: LoadedManifest["app"]["spec"]["files"][number], lookup: ObjectLookup): Volume {
  const { name, mountPath } = files;
  if (files.configMap !== undefined) {
    const entries = lookup.files("ConfigMap", files.configMap.name, files.configMap);
    return { name, mountPath, writable: false, entries };
  }
  if (files.secret !== undefined) {
    const entries = lookup.files("Secret", files.secret.secretName, files.secret);
    return { name, mountPath, writable: false, entries };
  }
  if (files.emptyDir?.sizeLimit !== undefined) {
    throw notHonoured("spec.files[].emptyDir.sizeLimit", `spec.files[${name}]`);
  }
  return { name, mountPath, writable: files.readOnly !== true };
}
