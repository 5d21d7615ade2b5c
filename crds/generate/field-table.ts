import type { SchemaNode } from "../schema/schema-node.ts";
import { REFUSED_FIELDS } from "../wasm-app/refused-fields.ts";

/* The fields of a kind as Markdown, for its page. */

/** A field as one row of a table. */
interface Row {
  path: string;
  type: string;
  fallback: string;
  description: string;
}

const REFUSED_MARK = "**Refused by this version.**";

/** Returns rows as a Markdown table. */
export function buildTable(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ path, type, fallback, description }) => `| \`${path}\` | ${type} | ${fallback} | ${description} |`,
  );
  return ["| Field | Type | Default | What |", "|---|---|---|---|", ...lines].join("\n");
}

/** Returns the rows of all fields below a node, in the order of the definition; `parent` stands before their paths. */
export function rowsBelow(node: SchemaNode, prefix: string, parent: string): Row[] {
  const rows: Row[] = [];
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    const path = `${prefix}${name}`;
    const isRefused = REFUSED_FIELDS.some((field) => field === `${parent}${path}`);
    rows.push(buildRow(path, property, node.required?.includes(name) ?? false, isRefused));
    const below =
      property.items === undefined
        ? rowsBelow(property, `${path}.`, parent)
        : rowsBelow(property.items, `${path}[].`, parent);
    rows.push(...below);
  }
  return rows;
}

function buildRow(path: string, property: SchemaNode, isRequired: boolean, isRefused: boolean): Row {
  const mark = isRefused ? REFUSED_MARK : "";
  const description = `${mark} ${sentence(property.description)} ${boundsOf(property)}`.trim().replaceAll("|", "\\|");
  const fallback = isRequired ? "required" : "";
  return {
    path,
    type: typeOf(property),
    fallback: property.default === undefined ? fallback : codeOf(property.default),
    description,
  };
}

/** Returns the CEL rules of a node, and of those below it, as sentences. */
export function rulesBelow(node: SchemaNode, path: string, isDeep: boolean): string[] {
  const own = (node["x-kubernetes-validations"] ?? []).map(({ message }) =>
    path === "" ? sentence(message) : `\`${path}\`: ${message}.`,
  );
  if (!isDeep) return own;
  const below = Object.entries(node.properties ?? {}).flatMap(([name, property]) =>
    rulesBelow(property, path === "" ? name : `${path}.${name}`, true),
  );
  const items = node.items === undefined ? [] : rulesBelow(node.items, `${path}[]`, true);
  return [...own, ...items, ...below];
}

/** Returns rules as a Markdown list with its heading, or nothing. */
export function ruleList(found: readonly string[]): string[] {
  return found.length === 0 ? [] : [`Rules:\n\n${found.map((rule) => `- ${rule}`).join("\n")}`];
}

/** Returns the type of a field as a reader knows it. */
export function typeOf(node: SchemaNode): string {
  if (node["x-kubernetes-int-or-string"] === true) return "quantity";
  if (node.enum !== undefined) return node.enum.join(", ");
  if (node.type === "array") return `list of ${node.items?.type === undefined ? "values" : node.items.type}`;
  return typeof node.additionalProperties === "object" ? "map" : (node.type ?? "any");
}

/** Returns what a number or list may not exceed; other bounds are rarely met. */
export function boundsOf({ minimum, maximum, maxItems, type }: SchemaNode): string {
  if (type === "integer" && minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}.`;
  return maxItems === undefined ? "" : `At most ${maxItems}.`;
}

/** Returns a value as Markdown code. */
export function codeOf(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** Returns a text with a capital letter and a full stop. */
export function sentence(text: string | undefined): string {
  if (text === undefined || text === "") return "";
  const capitalised = /^[a-z]+ /.test(text) ? `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}` : text;
  return capitalised.endsWith(".") ? capitalised : `${capitalised}.`;
}
