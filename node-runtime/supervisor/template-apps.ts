import { WasmletError } from "../../common/errors.ts";
import { parseDuration, parseQuantity } from "../../crds/quantity.ts";
import type { RefusedField } from "../../crds/wasm-app/refused-fields.ts";
import type { AppTemplate } from "../../crds/wasm-replica/types.ts";
import type { ArtifactSource, DesiredApp, Volume } from "./desired-state.ts";
import { resolveEnvironment, type AppFields } from "./environment.ts";
import type { ObjectLookup } from "./object-lookup.ts";

/** Requests that one app serves at a time when `limits.concurrency` is left out. */
const DEFAULT_CONCURRENCY = 1000;

/** Where a Secret of type kubernetes.io/dockerconfigjson has its content. */
const PULL_SECRET_KEY = ".dockerconfigjson";

/** An app as its manifest or its replica has it, and what its references lead to. */
export interface AppTemplateInPlace {
  template: AppTemplate;
  /** What the downward API knows of it. */
  fields: AppFields;
  lookup: ObjectLookup;
  /** What stands in for `template.source`. */
  source?: ArtifactSource;
  /** Returns where a field stands, for messages. */
  placeOf: (field: RefusedField) => string;
}

/** Turns a template and the objects that it refers to into a desired app; what cannot be honoured becomes its refusal. */
export function desiredAppOfTemplate(subject: AppTemplateInPlace): DesiredApp {
  const { template, fields, lookup } = subject;
  const { name, namespace } = fields;
  const { requestsPerSecond, cpuTimePerRequest } = template.limits;
  const desired: DesiredApp = {
    id: `${namespace}/${name}`,
    namespace,
    name,
    source: { kind: "bytes", bytes: new Uint8Array(0) },
    trigger: triggerOf(template.trigger),
    args: [name, ...(template.trigger.command?.args ?? [])],
    env: [],
    volumes: [],
    allowedOutboundHosts: template.network.allowedOutboundHosts,
    reuse: template.isolation.reuse,
    cellGroup: { Shared: "", Namespace: namespace, App: `${namespace}/${name}` }[template.isolation.cell],
    maxMemoryBytes: parseQuantity(template.limits.memory) ?? 0,
    requestTimeoutMs: template.limits.requestTimeoutSeconds * 1000,
    concurrency: template.limits.concurrency ?? DEFAULT_CONCURRENCY,
    ...(cpuTimePerRequest !== undefined && { cpuTimeMs: parseDuration(cpuTimePerRequest) ?? 0 }),
    ...(requestsPerSecond !== undefined && { requestsPerSecond }),
    idleMs: template.idleSeconds * 1000,
  };
  try {
    refuseUnsupported(subject);
    desired.source = subject.source ?? sourceOf(template, lookup);
    desired.env = resolveEnvironment(template, fields, lookup);
    desired.volumes = template.files.map((files) => volumeOf(files, lookup));
  } catch (thrown) {
    if (!(thrown instanceof WasmletError)) throw thrown;
    desired.refusal = thrown;
  }
  return desired;
}

function triggerOf({ command }: AppTemplate["trigger"]): DesiredApp["trigger"] {
  return command === undefined ? { kind: "http" } : { kind: "command", restartPolicy: command.restartPolicy };
}

/** Fields that the API carries and this runtime does not honour yet: refused, so that nobody relies on them. */
function refuseUnsupported({ template, placeOf }: AppTemplateInPlace): void {
  const unsupported: [field: RefusedField, isUsed: boolean][] = [
    ["spec.trigger.cron", template.trigger.cron !== undefined],
  ];
  for (const [field, isUsed] of unsupported) if (isUsed) throw notHonoured(field, placeOf(field));
}

function notHonoured(field: RefusedField, where: string): WasmletError {
  return new WasmletError("APP_FIELD_NOT_SUPPORTED", `${field} is not honoured by this node runtime yet`, { where });
}

function sourceOf({ source }: AppTemplate, lookup: ObjectLookup): ArtifactSource {
  if (source.http !== undefined) return { kind: "http", ...source.http };
  if (source.configMap !== undefined) {
    return { kind: "bytes", bytes: lookup.configMapKey(source.configMap.name, source.configMap.key) };
  }
  const { image, imagePullPolicy: policy, imagePullSecrets = [] } = source.oci!;
  const secrets = imagePullSecrets.map(({ name }) => lookup.key("Secret", name, PULL_SECRET_KEY)!);
  return { kind: "oci", image, secrets, ...(policy !== undefined && { policy }) };
}

function volumeOf(files: AppTemplate["files"][number], lookup: ObjectLookup): Volume {
  const { name, mountPath } = files;
  if (files.configMap !== undefined) {
    const entries = lookup.files("ConfigMap", files.configMap.name, files.configMap);
    return { name, mountPath, writable: false, entries };
  }
  if (files.secret !== undefined) {
    const entries = lookup.files("Secret", files.secret.secretName, files.secret);
    return { name, mountPath, writable: false, isSecret: true, entries };
  }
  const { sizeLimit } = files.emptyDir ?? {};
  const maxBytes = sizeLimit === undefined ? undefined : parseQuantity(sizeLimit);
  return { name, mountPath, writable: files.readOnly !== true, ...(maxBytes !== undefined && { maxBytes }) };
}
