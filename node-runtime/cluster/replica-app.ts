import { WasmletError } from "../../common/errors.ts";
import { formatPath, type FieldProblem } from "../../crds/schema/field-problem.ts";
import type { WasmReplicaSpec } from "../../crds/wasm-replica/types.ts";
import { keyOf } from "../../kube/objects.ts";
import type { DesiredApp } from "../supervisor/desired-state.ts";
import { ObjectLookup } from "../supervisor/object-lookup.ts";
import { desiredAppOfTemplate } from "../supervisor/template-apps.ts";
import type { ReferencedObject } from "./reference-reader.ts";
import type { Replica } from "./replica.ts";
import type { Stage } from "./stage.ts";

/** Returns the app that a replica asks for at a stage, with what its references led to. */
export function desiredAppOfReplica(
  { metadata }: Replica,
  spec: WasmReplicaSpec,
  stage: Stage,
  objects: readonly ReferencedObject[],
): DesiredApp {
  const { template, revision } = stage === "previous" && spec.previous !== undefined ? spec.previous : spec;
  const { namespace = "", labels, annotations } = metadata;
  const desired = desiredAppOfTemplate({
    template,
    fields: { name: spec.appName, namespace, labels, annotations, nodeName: spec.nodeName },
    lookup: lookupOf(namespace, objects),
    placeOf: (field) => `WasmReplica ${keyOf(metadata)}, ${field.replace(/^spec/, "spec.template")}`,
  });
  return { ...desired, revision, ...(spec.port !== undefined && { port: spec.port }) };
}

/** Returns an app that is shown as failed for a reason that nothing of its template is needed for. */
export function refusedApp(namespace: string, name: string, refusal: WasmletError, revision?: string): DesiredApp {
  return {
    id: `${namespace}/${name}`,
    namespace,
    name,
    ...(revision !== undefined && { revision }),
    refusal,
    source: { kind: "bytes", bytes: new Uint8Array(0) },
    trigger: { kind: "http" },
    args: [],
    env: [],
    volumes: [],
    allowedOutboundHosts: [],
    reuse: "Request",
    cellGroup: "",
    maxMemoryBytes: 0,
    requestTimeoutMs: 0,
    concurrency: 1,
    idleMs: 0,
  };
}

/** Returns the error that the first problem of a replica's spec is. */
export function invalidSpec({ metadata }: Replica, problems: readonly FieldProblem[]): WasmletError {
  const [{ code, path, message, expected, actual }] = problems as [FieldProblem];
  return new WasmletError(code, `spec.${formatPath(path)}: ${message}`, {
    where: `WasmReplica ${keyOf(metadata)}`,
    ...(expected !== undefined && { expected }),
    ...(actual !== undefined && { actual }),
  });
}

function lookupOf(namespace: string, objects: readonly ReferencedObject[]): ObjectLookup {
  const contents = objects.map(({ kind, metadata, ...rest }) => {
    const { data, binaryData } = rest as { data?: Record<string, string>; binaryData?: Record<string, string> };
    const own = { apiVersion: "v1" as const, metadata: { ...metadata, namespace }, ...(data && { data }) };
    return kind === "Secret"
      ? { kind: "Secret" as const, ...own }
      : { kind: "ConfigMap" as const, ...own, ...(binaryData && { binaryData }) };
  });
  return new ObjectLookup(
    namespace,
    contents.filter((object) => object.kind === "ConfigMap"),
    contents.filter((object) => object.kind === "Secret"),
  );
}
