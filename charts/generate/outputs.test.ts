import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { SchemaNode } from "../../crds/schema/schema-node.ts";
import { buildExampleOutputs } from "../../examples/embed-guests.ts";
import { loadManifests } from "../../crds/load.ts";
import { buildChartOutputs } from "./outputs.ts";
import { VALUES } from "./values.ts";

const ROOT = new URL("../../", import.meta.url);

test("chart: what is committed is what the definitions yield", async () => {
  const outputs = [...(await buildChartOutputs(ROOT)), ...(await buildExampleOutputs(ROOT))];
  expect(outputs.length).toBeGreaterThan(10);
  for (const { path, text } of outputs) expect(await readFile(new URL(path, ROOT), "utf8"), path).toBe(text);
});

test("values.yaml: has every value that has a default, and no other", async () => {
  const values = parse(await readFile(new URL("charts/wasmlet/values.yaml", ROOT), "utf8")) as object;
  expect(values).toEqual(defaultsOf({ ...VALUES, properties: withoutGlobal(VALUES.properties) }));
});

test("values.schema.json: every value is described", () => {
  const undescribed = (node: SchemaNode, path: string): string[] => [
    ...((node.description ?? "").length > 3 ? [] : [path]),
    ...Object.entries(node.properties ?? {}).flatMap(([name, property]) => undescribed(property, `${path}.${name}`)),
  ];
  expect(undescribed(VALUES, "")).toEqual([]);
});

test("chart: its version is the package's", async () => {
  const { version } = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")) as { version: string };
  const chart = parse(await readFile(new URL("charts/wasmlet/Chart.yaml", ROOT), "utf8")) as object;
  expect(chart).toMatchObject({ version, appVersion: version });
  const containerfile = await readFile(new URL("Containerfile", ROOT), "utf8");
  expect(containerfile).toContain(`org.opencontainers.image.version="${version}"`);
});

test("examples: every manifest for a cluster is valid and carries its program", async () => {
  const outputs = await buildExampleOutputs(ROOT);
  expect(outputs.map(({ path }) => path)).toContain("examples/hello.yaml");
  for (const { path, text } of outputs) {
    const { apps, problems } = loadManifests(text, { file: path });
    expect(problems, path).toEqual([]);
    expect(apps, path).toHaveLength(1);
    expect(text, path).toMatch(/^ {2}[a-z0-9-]+\.wasm: AGFzb/m);
  }
});

function defaultsOf(node: SchemaNode): unknown {
  if (node.default !== undefined) return node.default;
  const entries = Object.entries(node.properties ?? {}).map(
    ([name, property]) => [name, defaultsOf(property)] as const,
  );
  const known = entries.filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

function withoutGlobal(properties: SchemaNode["properties"]): Record<string, SchemaNode> {
  const { global: _, ...rest } = properties ?? {};
  return rest;
}
