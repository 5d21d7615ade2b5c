import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DesiredState } from "./desired-state.ts";
import { FolderReader } from "./folder-reader.ts";
import { FolderSource } from "./folder-source.ts";

const MANIFEST = JSON.stringify({
  apiVersion: "wasmlet.dev/v1alpha1",
  kind: "WasmApp",
  metadata: { name: "app", namespace: "default" },
  spec: { source: { oci: { image: "registry.example.com/app:1" } } },
});

let folder = "";
let source: FolderSource;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wasmlet-source-"));
  source = new FolderSource(folder);
});

afterEach(() => {
  source.stop();
  rmSync(folder, { recursive: true });
});

/** What the source reports before it has started. */
async function firstState(): Promise<DesiredState> {
  const states: DesiredState[] = [];
  await source.start((state) => states.push(state));
  return states[0]!;
}

test("FolderSource: a manifest that is too large is a problem, and its neighbours are read", async () => {
  const large = join(folder, "large.yaml");
  writeFileSync(large, `${MANIFEST}${" ".repeat(1024 * 1024)}`);
  writeFileSync(join(folder, "small.yaml"), MANIFEST);
  const { apps, problems } = await firstState();
  expect(apps.map(({ id }) => id)).toEqual(["default/app"]);
  expect(problems).toMatchObject([{ code: "MANIFEST_TOO_LARGE", details: { where: large } }]);
});

test("FolderSource: a folder that cannot be read is RUNTIME_FOLDER at the start", async () => {
  const missing = new FolderSource(join(folder, "missing"));
  await expect(missing.start(() => {})).rejects.toMatchObject({ code: "RUNTIME_FOLDER" });
  missing.stop();
});

test("FolderSource: of two apps of one name the first serves, and the second is a problem that names both", async () => {
  const [first, second] = [join(folder, "a.yaml"), join(folder, "b.yaml")];
  for (const file of [first, second]) writeFileSync(file, MANIFEST);
  const { apps, problems } = await firstState();
  expect(apps.map(({ id }) => id)).toEqual(["default/app"]);
  expect(problems).toMatchObject([{ code: "APP_CONFLICT" }]);
  expect(JSON.stringify([problems[0]!.message, problems[0]!.details])).toMatch(/b\.yaml/);
});

/** Reads the folder after each of the texts; returns what the last one led to. */
function readInTurn(...texts: (string | undefined)[]): DesiredState {
  const file = join(folder, "app.yaml");
  const reader = new FolderReader();
  let state: DesiredState = { apps: [], problems: [] };
  for (const text of texts) {
    if (text !== undefined) writeFileSync(file, text);
    state = reader.read(text === undefined ? [] : [file]);
  }
  return state;
}

describe("FolderReader: a mistake in a file that was valid", () => {
  const CONFIG_MAP = `{ apiVersion: v1, kind: ConfigMap, metadata: { name: words }, data: { greeting: hello } }`;
  const WITH_ENV = `
apiVersion: wasmlet.dev/v1alpha1
kind: WasmApp
metadata: { name: app, annotations: { wasmlet.dev/source-path: ./app.wasm } }
spec:
  source: { oci: { image: "registry.example.com/app:1" } }
  env: [{ name: GREETING, valueFrom: { configMapKeyRef: { name: words, key: greeting } } }]
`;
  const VALID = `${WITH_ENV}---\n${CONFIG_MAP}\n`;

  test.each([
    ["a mistyped kind", VALID.replace("kind: WasmApp", "kind: WasmAp"), "MANIFEST_KIND", ":3:7"],
    ["an invalid spec", VALID.replace("env:", "enf:"), "MANIFEST_UNKNOWN_FIELD", ":7:3"],
    ["broken YAML", VALID.replace("spec:", "spec: ["), "MANIFEST_SYNTAX", ":7:"],
    ["too much of it", `${VALID}#${" ".repeat(1024 * 1024)}`, "MANIFEST_TOO_LARGE", "app.yaml"],
    ["an annotation", VALID.replace("./app.wasm", "https://a/app.wasm"), "MANIFEST_ANNOTATION", ":4:"],
    ["a mistyped ConfigMap", VALID.replace("ConfigMap,", "ConfigMop,"), "MANIFEST_KIND", ":9:"],
  ])("%s: the app stays as it was", (_, mistaken, code, place) => {
    const [before] = readInTurn(VALID).apps;
    const { apps, problems } = readInTurn(VALID, mistaken, mistaken);
    expect(apps).toHaveLength(1);
    const { held, ...app } = apps[0]!;
    expect(app).toEqual(before);
    expect(problems[0]).toMatchObject({ code, details: { where: expect.stringContaining(place) } });
    // The app itself is valid where the mistake is in an object beside it.
    if (!mistaken.includes("ConfigMop")) expect(held).toBe(problems[0]);
  });

  test("it is followed again once it is valid", () => {
    const next = VALID.replace("greeting: hello", "greeting: hi");
    const { apps, problems } = readInTurn(VALID, VALID.replace("kind: WasmApp", "kind: WasmAp"), next);
    expect(apps).toMatchObject([{ env: [["GREETING", "hi"]] }]);
    expect(apps[0]).not.toHaveProperty("held");
    expect(problems).toEqual([]);
  });

  test("an app whose file is gone is gone", () => {
    expect(readInTurn(VALID, "a: [", undefined, "a: [").apps).toEqual([]);
  });

  test("a valid document beside the mistake is followed", () => {
    const other = MANIFEST.replace('"name":"app"', '"name":"other"');
    const { apps } = readInTurn(
      `${VALID}---\n${other}`,
      `${VALID.replace("kind: WasmApp", "kind: WasmAp")}---\n${other.replace("app:1", "app:2").replace('"spec":{', '"spec":{"limits":{"memory":"1Mi"},')}`,
    );
    expect(apps.map(({ id, maxMemoryBytes, held }) => [id, maxMemoryBytes, held?.code])).toEqual([
      ["default/other", 2 ** 20, undefined],
      ["default/app", 2 ** 27, "MANIFEST_KIND"],
    ]);
  });

  test("an app that another file defines meanwhile is that file's, without a conflict", () => {
    const [first, second] = [join(folder, "a.yaml"), join(folder, "b.yaml")];
    const reader = new FolderReader();
    writeFileSync(first, MANIFEST);
    reader.read([first]);
    writeFileSync(first, "a: [");
    writeFileSync(second, MANIFEST.replace('"spec":{', '"spec":{"limits":{"memory":"1Mi"},'));
    const { apps, problems } = reader.read([first, second]);
    expect(apps).toMatchObject([{ id: "default/app", maxMemoryBytes: 2 ** 20 }]);
    expect(problems.map(({ code }) => code)).toEqual(["MANIFEST_SYNTAX"]);
  });
});
