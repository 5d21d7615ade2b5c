import type { SchemaNode } from "../schema/schema-node.ts";
import { StartupBenchmarkDefinition } from "../startup-benchmark/definition.ts";
import { WasmReplicaDefinition } from "../wasm-replica/definition.ts";
import { WasmRuntimeDefinition } from "../wasm-runtime/definition.ts";
import { DEFINITION, mapSchema, METADATA_NAME } from "./transform.ts";

/** A column of `kubectl get`; those of priority 1 are shown with `-o wide`. */
interface PrinterColumn {
  name: string;
  type: "string" | "integer" | "date";
  jsonPath: string;
  priority?: 1;
}

/** What a CustomResourceDefinition says of a kind beside its schema. */
export interface Kind {
  kind: string;
  plural: string;
  shortNames: string[];
  scope: "Namespaced" | "Cluster";
  /** A typebox definition as a plain schema, with `metadata.name` bounded. */
  definition: SchemaNode;
  columns: PrinterColumn[];
  /** JSON paths that field selectors may name, beside the object's own name and namespace. */
  selectable?: string[];
  scale?: object;
  /** Where it is defined, for the generated files' first line. */
  folder: string;
}

const AGE: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** Returns the JSON path of a part of a condition. */
function ofCondition(type: string, part: "status" | "reason" | "message"): string {
  return `.status.conditions[?(@.type=="${type}")].${part}`;
}

/** Every kind of the API, in the order of the files. */
export const KINDS: readonly Kind[] = [
  {
    kind: "WasmApp",
    plural: "wasmapps",
    shortNames: ["wapp"],
    scope: "Namespaced",
    definition: DEFINITION,
    folder: "crds/wasm-app/",
    columns: [
      { name: "Ready", type: "string", jsonPath: ofCondition("Ready", "status") },
      { name: "Reason", type: "string", jsonPath: ofCondition("Ready", "reason") },
      { name: "Replicas", type: "string", jsonPath: ".status.ready" },
      { name: "URL", type: "string", jsonPath: ".status.url" },
      { name: "Start P50", type: "string", jsonPath: ".status.startP50" },
      AGE,
      { name: "Revision", type: "string", priority: 1, jsonPath: ".status.revision" },
      { name: "Image", type: "string", priority: 1, jsonPath: ".status.image" },
      { name: "Message", type: "string", priority: 1, jsonPath: ofCondition("Ready", "message") },
    ],
    scale: {
      specReplicasPath: ".spec.scale.minReplicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector",
    },
  },
  {
    kind: "WasmReplica",
    plural: "wasmreplicas",
    shortNames: ["wrep"],
    scope: "Namespaced",
    // The operator copies what was judged in the WasmApp: judging it twice more would exceed the budget for rules.
    definition: withName(mapSchema(WasmReplicaDefinition as unknown as SchemaNode, withoutRules), 253),
    folder: "crds/wasm-replica/",
    selectable: [".spec.nodeName", ".spec.runtimeName", ".spec.appName"],
    columns: [
      { name: "App", type: "string", jsonPath: ".spec.appName" },
      { name: "Node", type: "string", jsonPath: ".spec.nodeName" },
      { name: "State", type: "string", jsonPath: ".status.state" },
      { name: "Reason", type: "string", jsonPath: ".status.reason" },
      { name: "Start P50", type: "string", jsonPath: ".status.startP50" },
      AGE,
      { name: "Revision", type: "string", priority: 1, jsonPath: ".status.revision" },
      { name: "Pod", type: "string", priority: 1, jsonPath: ".status.podName" },
      { name: "IP", type: "string", priority: 1, jsonPath: ".status.podIP" },
      { name: "Port", type: "integer", priority: 1, jsonPath: ".spec.port" },
      { name: "Message", type: "string", priority: 1, jsonPath: ".status.message" },
    ],
  },
  {
    kind: "WasmRuntime",
    plural: "wasmruntimes",
    shortNames: ["wrt"],
    scope: "Cluster",
    definition: withName(WasmRuntimeDefinition as unknown as SchemaNode, 40),
    folder: "crds/wasm-runtime/",
    columns: [
      { name: "Nodes", type: "integer", jsonPath: ".status.nodes" },
      { name: "Ready", type: "integer", jsonPath: ".status.readyNodes" },
      { name: "Apps", type: "integer", jsonPath: ".status.apps" },
      { name: "Replicas", type: "integer", jsonPath: ".status.replicas" },
      AGE,
      { name: "Status", type: "string", priority: 1, jsonPath: ofCondition("Ready", "reason") },
      { name: "Message", type: "string", priority: 1, jsonPath: ofCondition("Ready", "message") },
    ],
  },
  {
    kind: "StartupBenchmark",
    plural: "startupbenchmarks",
    shortNames: ["sbench"],
    scope: "Namespaced",
    // Its objects carry its name and more.
    definition: withName(StartupBenchmarkDefinition as unknown as SchemaNode, 38),
    folder: "crds/startup-benchmark/",
    columns: [
      { name: "Running", type: "string", jsonPath: ofCondition("Running", "status") },
      { name: "Complete", type: "string", jsonPath: ofCondition("Complete", "reason") },
      { name: "Rounds", type: "string", jsonPath: ".status.results.progress" },
      { name: "P50", type: "string", jsonPath: ".status.results.summary" },
      AGE,
      { name: "Node", type: "string", priority: 1, jsonPath: ".status.nodeName" },
      { name: "Schedule", type: "string", priority: 1, jsonPath: ".spec.schedule" },
      { name: "Message", type: "string", priority: 1, jsonPath: ofCondition("Degraded", "message") },
    ],
  },
];

function withoutRules(node: SchemaNode): SchemaNode {
  const { "x-kubernetes-validations": _rules, ...rest } = node;
  return rest;
}

/** Returns a definition with the fields that every object has; the name is bounded. */
function withName(definition: SchemaNode, maxLength: number): SchemaNode {
  const name = { ...METADATA_NAME, maxLength };
  return {
    ...definition,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: "Version of the API." },
      kind: { type: "string", description: "Kind of the object." },
      metadata: { type: "object", properties: { name } },
      ...definition.properties,
    },
  };
}
