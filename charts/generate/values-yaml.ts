import { stringify } from "yaml";
import { codeOf, typeOf } from "../../crds/generate/field-table.ts";
import type { SchemaNode } from "../../crds/schema/schema-node.ts";

/** Returns values.yaml: every value with its default, its meaning above it. Values without a default are shown as comments. */
export function buildValuesYaml(values: SchemaNode): string {
  return linesOf(values, 0).join("\n");
}

function linesOf(node: SchemaNode, depth: number): string[] {
  const lines: string[] = [];
  const pad = "  ".repeat(depth);
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    if (depth === 0 && name === "global") continue;
    if (depth === 0) lines.push("");
    lines.push(`${pad}# ${property.description ?? ""}`);
    if (isGroup(property)) lines.push(`${pad}${name}:`, ...linesOf(property, depth + 1));
    else if (property.default === undefined) lines.push(`${pad}# ${name}:`);
    else
      lines.push(
        ...stringify({ [name]: property.default })
          .trimEnd()
          .split("\n")
          .map((line) => `${pad}${line}`),
      );
  }
  return lines;
}

/** Whether a value is a group of values, each with its own default. */
function isGroup(node: SchemaNode): boolean {
  return node.properties !== undefined && node.default === undefined && hasDefaults(node);
}

function hasDefaults(node: SchemaNode): boolean {
  return Object.values(node.properties ?? {}).some((property) => property.default !== undefined || isGroup(property));
}

/** Returns the values as a Markdown table. */
export function buildValuesTable(values: SchemaNode): string {
  const rows = rowsOf(values, "");
  return ["| Value | Type | Default | What |", "|---|---|---|---|", ...rows].join("\n");
}

function rowsOf(node: SchemaNode, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    if (isGroup(property)) return rowsOf(property, `${prefix}${name}.`);
    const byDefault = property.default === undefined ? "" : codeOf(property.default === "" ? '""' : property.default);
    return [`| \`${prefix}${name}\` | ${nameType(property)} | ${byDefault} | ${property.description ?? ""} |`];
  });
}

function nameType(node: SchemaNode): string {
  return Array.isArray(node.type) ? "quantity" : typeOf(node);
}
