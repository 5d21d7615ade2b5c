import { readFileSync } from "node:fs";
import { evaluate } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { Check } from "typebox/schema";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { applyDefaults } from "../schema/defaults.ts";
import type { SchemaNode } from "../schema/schema-node.ts";
import { isMapping } from "../schema/schema-node.ts";
import { readWasmApp } from "../validate.ts";
import { arbitraryBrokenManifest, arbitraryManifest } from "./arbitrary.ts";
import { WASM_APP_SCHEMA } from "./schema.ts";

/*
 * The standalone validator against a second judge, put together from typebox's JSON Schema checker and plain CEL over
 * the committed CRD. The real API server is compared where a cluster is at hand.
 */

interface Crd {
  spec: { versions: [{ schema: { openAPIV3Schema: SchemaNode } }] };
}

let crdSchema: SchemaNode;

beforeAll(() => {
  const file = new URL("../generated/wasmapps.wasmlet.dev.yaml", import.meta.url);
  const crd = parse(readFileSync(file, "utf8")) as Crd;
  crdSchema = crd.spec.versions[0].schema.openAPIV3Schema;
});

/** Returns whether the CRD accepts a value: structure, uniqueness and rules. The editor's schema adds unknown fields. */
function crdAccepts(manifest: unknown): boolean {
  const defaulted = applyDefaults(manifest, WASM_APP_SCHEMA);
  return (
    Check(WASM_APP_SCHEMA, defaulted) &&
    Check(crdSchema, defaulted) &&
    everyNode(defaulted, crdSchema, (node, schema) => isUnique(node, schema) && keepsRules(node, schema))
  );
}

function everyNode(
  node: unknown,
  schema: SchemaNode,
  accepts: (node: unknown, schema: SchemaNode) => boolean,
): boolean {
  if (!accepts(node, schema)) return false;
  if (Array.isArray(node)) return node.every((item) => everyNode(item, schema.items ?? {}, accepts));
  if (!isMapping(node)) return true;
  return Object.entries(node).every(([name, value]) => everyNode(value, schema.properties?.[name] ?? {}, accepts));
}

function isUnique(node: unknown, schema: SchemaNode): boolean {
  if (!Array.isArray(node)) return true;
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (listType === "set") return new Set(node).size === node.length;
  if (listType !== "map") return true;
  const identities = node.map((item: Record<string, unknown>) => keys.map((key) => JSON.stringify(item[key])).join());
  return new Set(identities).size === node.length;
}

function keepsRules(self: unknown, schema: SchemaNode): boolean {
  return (schema["x-kubernetes-validations"] ?? []).every(({ rule }) => evaluate(rule, { self }) === true);
}

test("WasmApp: the CRD and the standalone validator agree on manifests that follow the schema", () => {
  let accepted = 0;
  fc.assert(
    fc.property(arbitraryManifest(), (manifest) => {
      const verdict = readWasmApp(manifest).problems.length === 0;
      expect(verdict).toBe(crdAccepts(manifest));
      if (verdict) accepted++;
    }),
    { numRuns: 400 },
  );
  expect(accepted).toBeGreaterThan(200);
});

test("WasmApp: the CRD and the standalone validator agree on manifests that are broken somewhere", () => {
  let refused = 0;
  fc.assert(
    fc.property(arbitraryBrokenManifest(), (manifest) => {
      const verdict = readWasmApp(manifest).problems.length === 0;
      expect(verdict).toBe(crdAccepts(manifest));
      if (!verdict) refused++;
    }),
    { numRuns: 800 },
  );
  expect(refused).toBeGreaterThan(400);
});

test("WasmApp: a valid manifest stays valid when its defaults are written out", () => {
  fc.assert(
    fc.property(arbitraryManifest(), (manifest) => {
      const { app } = readWasmApp(manifest);
      fc.pre(app !== undefined);
      expect(readWasmApp(app)).toEqual({ app, problems: [] });
    }),
    { numRuns: 200 },
  );
});
