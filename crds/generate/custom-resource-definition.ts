import type { SchemaNode } from "../schema/schema-node.ts";
import { API_GROUP, API_VERSION_NAME } from "../wasm-app/names.ts";
import type { Kind } from "./kinds.ts";
import { mapSchema, relaxDefaulted } from "./transform.ts";

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

/** Returns the structural OpenAPI schema that the API server judges a kind by. */
function buildStructuralSchema(definition: SchemaNode): SchemaNode {
  const schema = mapSchema(definition, (node) => dropEditorKeywords(relaxDefaulted(node)));
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

/** Returns the CustomResourceDefinition of a kind. */
export function buildCustomResourceDefinition({ kind, plural, shortNames, scope, columns, ...rest }: Kind): object {
  const { definition, selectable = [], scale } = rest;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames,
        // What users make themselves is among `kubectl get all`, as Deployments are.
        ...(kind === "WasmApp" && { categories: ["all"] }),
      },
      scope,
      versions: [
        {
          name: API_VERSION_NAME,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          ...(selectable.length > 0 && { selectableFields: selectable.map((jsonPath) => ({ jsonPath })) }),
          subresources: { status: {}, ...(scale !== undefined && { scale }) },
          schema: { openAPIV3Schema: buildStructuralSchema(definition) },
        },
      ],
    },
  };
}
