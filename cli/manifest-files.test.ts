import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
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

test("manifests: a folder gives its .yaml files in order, without those of guests", async () => {
  expect(await readManifestFiles([folder])).toEqual(
    ["a.yml", "b.yaml", "sub/d.yaml"].map((path) => ({ file: join(folder, path), text: `# ${path}` })),
  );
});

test("manifests: a file is read whatever its name", async () => {
  expect(await readManifestFiles([join(folder, "c.txt")])).toEqual([{ file: join(folder, "c.txt"), text: "# c.txt" }]);
});

test.each(["missing.yaml", "empty"])("manifests: %s is an error, not silence", async (path) => {
  await expect(readManifestFiles([join(folder, path)])).rejects.toThrow(
    expect.objectContaining({
      code: "CLI_FILE_UNREADABLE",
      details: expect.objectContaining({ where: join(folder, path) }),
    }),
  );
});

test("manifests: standard input is read to its end, however slowly it comes", async () => {
  const stdin = new PassThrough();
  const read = readManifestFiles(["-"], stdin);
  stdin.write("kind: ");
  await nextTurn();
  stdin.end("WasmApp");
  expect(await read).toEqual([{ file: "<stdin>", text: "kind: WasmApp" }]);
});
