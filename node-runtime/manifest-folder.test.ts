import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listManifests } from "./manifest-folder.ts";

let folder = "";

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "wasmlet-manifests-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function make(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
}

const listed = (): string[] => listManifests(folder).map((path) => relative(folder, path));

test("listManifests: manifests in order, without hidden ones and those of programs", () => {
  make("b.yaml", "a.yml", "c.txt", "sub/d.yaml", "guest/e.yaml", "node_modules/x/f.yaml", "target/g.yaml", ".h/i.yaml");
  expect(listed()).toEqual(["a.yml", "b.yaml", "sub/d.yaml"]);
});

test("listManifests: links are followed, as in a mounted ConfigMap; broken ones are not there", () => {
  make("..data/app.yaml");
  symlinkSync("..data/app.yaml", join(folder, "app.yaml"));
  symlinkSync("nowhere.yaml", join(folder, "broken.yaml"));
  expect(listed()).toEqual(["app.yaml"]);
});

test("listManifests: a loop of links and deep folders end", () => {
  make("app.yaml", "1/2/3/4/four.yaml", "1/2/3/4/5/five.yaml");
  symlinkSync(".", join(folder, "loop"));
  const files = listed();
  expect(files).toContain("1/2/3/4/four.yaml");
  expect(files).not.toContain("1/2/3/4/5/five.yaml");
  expect(files.filter((path) => path.endsWith("app.yaml"))).toHaveLength(5);
});

test("listManifests: a file is itself; what is missing is Node's error", () => {
  make("any.txt");
  expect(listManifests(join(folder, "any.txt"))).toEqual([join(folder, "any.txt")]);
  expect(() => listManifests(join(folder, "missing"))).toThrow("ENOENT");
});
