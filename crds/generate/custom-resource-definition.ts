import type { SchemaNode } from "../schema/schema-node.ts";
import { API_GROUP, API_VERSION_NAME, WASM_APP_KIND } from "../wasm-app/names.ts";
import { DEFINITION, mapSchema, relaxDefaulted } from "./transform.ts";

const PRINTER_COLUMNS = [
  { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: "Replicas", type: "integer", jsonPath: ".status.replicas" },
  { name: "URL", type: "string", jsonPath: ".status.url" },
  { name: "Start P50", type: "string", jsonPath: ".status.startP50" },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  { name: "Reason", type: "string", priority: 1, jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
  { name: "Digest", type: "string", priority: 1, jsonPath: ".status.digest" },
];

/** Returns a node without the keywords that a structural schema has no place for. */
function dropEditorKeywords(node: SchemaNode): SchemaNode {
  const { title: _title, propertyNames: _propertyNames, ...rest } = node;
  return rest;
}

/** Returns the metadata node of a structural schema: it may restrict the name and nothing else. */
function nameOnly(metadata: SchemaNode | undefined): SchemaNode {
  const name = metadata?.properties?.["name"];
  if (name?.maxLength === undefined || name.pattern === undefined) throw new Error("metadata.name has no bounds");
  return { type: "object", properties: { name: { type: "string", maxLength: name.maxLength, pattern: name.pattern } } };
}

/** Returns the structural OpenAPI schema that the API server judges a WasmApp by. */
function buildStructuralSchema(): SchemaNode {
  const schema = mapSchema(DEFINITION, (node) => dropEditorKeywords(relaxDefaulted(node)));
  const { apiVersion, kind, metadata, ...properties } = schema.properties ?? {};
  return {
    ...schema,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: apiVersion?.description ?? "" },
      kind: { type: "string", description: kind?.description ?? "" },
      metadata: nameOnly(metadata),
      ...properties,
    },
  };
}

/** Returns the CustomResourceDefinition of WasmApp. */
export function buildCustomResourceDefinition(): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `wasmapps.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      names: {
        kind: WASM_APP_KIND,
        listKind: `${WASM_APP_KIND}List`,
        plural: "wasmapps",
        singular: "wasmapp",
        shortNames: ["wapp"],
        categories: ["all"],
      },
      scope: "Namespaced",
      versions: [
        {
          name: API_VERSION_NAME,
          served: true,
          storage: true,
          additionalPrinterColumns: PRINTER_COLUMNS,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.scale.minReplicas",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
          schema: { openAPIV3Schema: buildStructuralSchema() },
        },
      ],
    },
  };
}
