import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DesiredState } from "./desired-state.ts";
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
