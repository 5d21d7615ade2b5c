import { Environment } from "@marcbachmann/cel-js";
import type { FieldPath, FieldProblem } from "./field-problem.ts";
import { isMapping, propertySchema, type SchemaNode, type ValidationRule } from "./schema-node.ts";

type Expression = (context: { self: unknown }) => unknown;

const environment = new Environment({ unlistedVariablesAreDyn: true });
const expressions = new Map<string, Expression>();

/**
 * Returns every CEL rule of the schema that a defaulted value breaks, except those on nodes to skip. As in the API
 * server, a rule that can't be evaluated counts as broken.
 */
export function checkRules(
  value: unknown,
  schema: SchemaNode,
  skips: (path: FieldPath) => boolean = () => false,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  visit(value, schema, []);
  return problems;

  function visit(node: unknown, nodeSchema: SchemaNode, path: FieldPath): void {
    const nodeRules = nodeSchema["x-kubernetes-validations"] ?? [];
    if (nodeRules.length > 0 && !skips(path)) {
      const self = toCel(node);
      for (const rule of nodeRules) {
        const message = judge(rule, self);
        if (message !== undefined)
          problems.push({ code: "MANIFEST_RULE", path: [...path, ...fieldPathOf(rule)], message });
      }
    }
    if (Array.isArray(node) && nodeSchema.items !== undefined) {
      // What is too many is refused as it is.
      for (const [index, item] of node.slice(0, nodeSchema.maxItems).entries())
        visit(item, nodeSchema.items, [...path, index]);
    } else if (isMapping(node)) {
      for (const [name, property] of Object.entries(node)) {
        const known = propertySchema(nodeSchema, name);
        if (known !== undefined) visit(property, known, [...path, name]);
      }
    }
  }
}

/** Returns the message of a rule that `self` breaks, or undefined. */
function judge(rule: ValidationRule, self: unknown): string | undefined {
  if (evaluate(rule.rule, self) === true) return undefined;
  const computed = rule.messageExpression === undefined ? undefined : evaluate(rule.messageExpression, self);
  return typeof computed === "string" ? computed : rule.message;
}

/** Returns what an expression yields, or undefined where it can't be evaluated. */
function evaluate(expression: string, self: unknown): unknown {
  let compiled = expressions.get(expression);
  if (compiled === undefined) {
    compiled = environment.parse(expression) as Expression;
    expressions.set(expression, compiled);
  }
  try {
    return compiled({ self });
  } catch {
    return undefined;
  }
}

/** Returns a value as CEL sees it: whole numbers as integers rather than doubles. */
function toCel(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, toCel(property)]));
}

function fieldPathOf(rule: ValidationRule): string[] {
  return rule.fieldPath?.split(".").filter((step) => step !== "") ?? [];
}
