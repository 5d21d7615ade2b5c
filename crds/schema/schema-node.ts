/** One CEL rule of a schema node, as `x-kubernetes-validations` carries it. */
export interface ValidationRule {
  rule: string;
  message: string;
  messageExpression?: string;
  /** The field that the problem is reported at, relative to the node: `.maxReplicas`. */
  fieldPath?: string;
}

/** A schema node: the part of JSON Schema that a Kubernetes structural schema is made of. */
export interface SchemaNode {
  type?: "object" | "array" | "string" | "integer" | "boolean";
  /** What is expected, as a noun phrase for messages: "a quantity such as 64Mi". */
  title?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, SchemaNode>;
  required?: readonly string[];
  additionalProperties?: SchemaNode | boolean;
  propertyNames?: SchemaNode;
  maxProperties?: number;
  items?: SchemaNode;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  anyOf?: readonly SchemaNode[];
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-list-type"?: "atomic" | "map" | "set";
  "x-kubernetes-list-map-keys"?: readonly string[];
  "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** Returns the schema of a property of an object or map, or undefined where the schema knows none of that name. */
export function propertySchema(schema: SchemaNode, name: string): SchemaNode | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** Returns whether a value is a mapping: an object that is neither null nor a list. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
