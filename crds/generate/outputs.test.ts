import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ERROR_CODES } from "../../common/error-codes.ts";
import { loadManifests } from "../load.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { REFUSED_FIELDS } from "../wasm-app/refused-fields.ts";
import { buildOutputs, type Output } from "./outputs.ts";

const ROOT = new URL("../../", import.meta.url);

/** Every node of a schema with its path. */
function nodesOf(node: SchemaNode, path = ""): { path: string; node: SchemaNode }[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, property]) =>
    nodesOf(property, `${path}.${name}`),
  );
  const items = node.items === undefined ? [] : nodesOf(node.items, `${path}[]`);
  const values = typeof node.additionalProperties === "object" ? nodesOf(node.additionalProperties, `${path}{}`) : [];
  return [{ path, node }, ...below, ...items, ...values];
}

/** The paths of the nodes that a claim does not hold for. */
function offenders(nodes: { path: string; node: SchemaNode }[], claim: (node: SchemaNode) => boolean): string[] {
  return nodes.filter(({ node }) => !claim(node)).map(({ path }) => path);
}

let outputs: Output[];

beforeAll(async () => {
  outputs = await buildOutputs(ROOT);
});

function textOf(path: string): string {
  return outputs.find((output) => output.path === path)?.text ?? "";
}

test("generated files: what is committed is what the definition yields", async () => {
  for (const { path, text } of outputs) expect(await readFile(new URL(path, ROOT), "utf8"), path).toBe(text);
});

describe("CRD", () => {
  let crd: { spec: { names: object; versions: Record<string, unknown>[] } };
  let nodes: { path: string; node: SchemaNode }[];

  beforeAll(() => {
    crd = parse(textOf("crds/generated/wasmapps.wasmlet.dev.yaml")) as typeof crd;
    const { openAPIV3Schema } = crd.spec.versions[0]!["schema"] as { openAPIV3Schema: SchemaNode };
    nodes = nodesOf(openAPIV3Schema);
  });

  test("CRD: has names, columns and subresources", () => {
    expect(crd.spec.names).toMatchObject({ kind: "WasmApp", plural: "wasmapps", shortNames: ["wapp"] });
    expect(crd.spec.versions).toMatchObject([
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: ".spec.scale.minReplicas" } },
      },
    ]);
    const columns = crd.spec.versions[0]?.["additionalPrinterColumns"] as { name: string; priority?: number }[];
    expect(columns.filter(({ priority }) => priority === undefined).map(({ name }) => name)).toEqual([
      "Ready",
      "Reason",
      "Replicas",
      "URL",
      "Start P50",
      "Age",
    ]);
  });

  test("CRD: every field has a description", () => {
    const described = nodes.filter(({ path }) => !path.startsWith(".metadata"));
    expect(described.length).toBeGreaterThan(100);
    expect(offenders(described, ({ description }) => (description ?? "").length > 3)).toEqual([]);
  });

  test("CRD: every text, list and map of the spec is bounded", () => {
    const spec = nodes.filter(({ path }) => path.startsWith(".spec") || path.startsWith(".status"));
    expect(
      offenders(
        spec,
        ({ type, maxLength, enum: values }) => type !== "string" || maxLength !== undefined || values !== undefined,
      ),
    ).toEqual([]);
    expect(offenders(spec, ({ type, maxItems }) => type !== "array" || maxItems !== undefined)).toEqual([]);
    expect(
      offenders(
        spec,
        ({ additionalProperties, maxProperties }) => additionalProperties === undefined || maxProperties !== undefined,
      ),
    ).toEqual([]);
  });

  test("CRD: is structural", () => {
    expect(
      offenders(
        nodes,
        ({ type, "x-kubernetes-int-or-string": isEither }) => (type === undefined) === (isEither === true),
      ),
    ).toEqual([]);
    expect(offenders(nodes, ({ additionalProperties }) => additionalProperties !== false)).toEqual([]);
    expect(offenders(nodes, (node) => !("title" in node) && !("const" in node) && !("oneOf" in node))).toEqual([]);
    expect(
      offenders(nodes, ({ required = [], properties = {} }) =>
        required.every((name) => properties[name]?.default === undefined),
      ),
    ).toEqual([]);
  });
});

test("JSON Schema: every object with fields refuses others", () => {
  const schema = JSON.parse(textOf("crds/generated/wasmapp.schema.json")) as SchemaNode;
  expect(
    offenders(
      nodesOf(schema),
      ({ properties, additionalProperties }) => properties === undefined || additionalProperties === false,
    ),
  ).toEqual([]);
});

test("docs/errors.md: its headings are the error codes, no more and no fewer", () => {
  const headings = [...textOf("docs/errors.md").matchAll(/^### (\S+)$/gm)].map(([, code]) => code);
  expect(headings).toHaveLength(Object.keys(ERROR_CODES).length);
  expect(new Set(headings)).toEqual(new Set(Object.keys(ERROR_CODES)));
});

test("docs/wasmapp.md: opens with an example that is valid", () => {
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(textOf("docs/wasmapp.md")) ?? [];
  expect(loadManifests(example, { file: "wasmapp.md" })).toMatchObject({
    apps: [{ sourcePath: "./hello-rust.wasm" }],
    problems: [],
  });
});

test("docs/wasmapp.md: has a row for every field of the spec", () => {
  const schema = JSON.parse(textOf("crds/generated/wasmapp.schema.json")) as SchemaNode;
  const page = textOf("docs/wasmapp.md");
  for (const [name, section] of Object.entries(schema.properties?.["spec"]?.properties ?? {})) {
    expect(page).toContain(`### spec.${name}`);
    for (const field of Object.keys(section.properties ?? section.items?.properties ?? {}))
      expect(page).toMatch(new RegExp(`^\\| \`(\\[\\]\\.)?${field}\` `, "m"));
  }
});

test("docs/wasmapp.md: marks every field that is refused, and no other", () => {
  const marked = textOf("docs/wasmapp.md").matchAll(/^\| `([^`]+)` .*Refused by this version/gm);
  const below = [...marked].map(([, path = ""]) => path);
  expect(below).toHaveLength(REFUSED_FIELDS.length);
  expect(REFUSED_FIELDS.filter((field) => !below.some((path) => field.endsWith(path)))).toEqual([]);
});
