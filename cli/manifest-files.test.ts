import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifestFiles } from "./manifest-files.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wasmlet-manifests-"));
  for (const path of ["b.yaml", "a.yml", "c.txt", "sub/d.yaml", "guest/e.yaml", ".hidden/f.yaml"]) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), `# ${path}`);
  }
  mkdirSync(join(folder, "empty"));
});

afterAll(() => rmSync(folder, { recursive: true }));

test("manifests: a folder gives its .yaml files in order, without those of guests", () => {
  expect(readManifestFiles([folder])).toEqual(
    ["a.yml", "b.yaml", "sub/d.yaml"].map((path) => ({ file: join(folder, path), text: `# ${path}` })),
  );
});

test("manifests: a file is read whatever its name", () => {
  expect(readManifestFiles([join(folder, "c.txt")])).toEqual([{ file: join(folder, "c.txt"), text: "# c.txt" }]);
});

test.each(["missing.yaml", "empty"])("manifests: %s is an error, not silence", (path) => {
  expect(() => readManifestFiles([join(folder, path)])).toThrow(
    expect.objectContaining({
      code: "CLI_FILE_UNREADABLE",
      details: expect.objectContaining({ where: join(folder, path) }),
    }),
  );
});
