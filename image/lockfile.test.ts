import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { LEFT_OUT_PACKAGES } from "./contents.ts";
import { type LockedPackage, type LockedPackages, productionFolders } from "./lockfile.ts";

test("production folders: follow dependencies to the nearest folder up, and no development or optional one", () => {
  const packages: LockedPackages = {
    "": { dependencies: { app: "1" } },
    "node_modules/app": { dependencies: { shared: "2", left: "1" } },
    "node_modules/app/node_modules/shared": { dependencies: { "@scope/deep": "1" } },
    "node_modules/shared": {},
    "node_modules/left": { dependencies: { app: "1" } },
    "node_modules/@scope/deep": {},
    "node_modules/other": {},
  };
  expect(productionFolders(packages)).toEqual([
    "node_modules/@scope/deep",
    "node_modules/app",
    "node_modules/app/node_modules/shared",
    "node_modules/left",
  ]);
});

test("production folders: of this repository, name no package that is for development", async () => {
  const text = await readFile(new URL("../package-lock.json", import.meta.url), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage & { dev?: boolean }> };
  const folders = productionFolders(packages);
  expect(folders).toContain("node_modules/commander");
  expect(folders.filter((folder) => packages[folder]?.dev === true)).toEqual([]);
  for (const name of Object.keys(LEFT_OUT_PACKAGES)) expect(folders).not.toContain(`node_modules/${name}`);
});
