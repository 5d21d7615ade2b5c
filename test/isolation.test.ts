import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  startTestRuntime,
  type TestRuntime,
  urlOf,
} from "./harness.ts";

const temporary = makeTemporaryFolder();
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => temporary.remove());

const app = (name: string, namespace: string, cell: string): ReturnType<typeof appManifest> =>
  appManifest(name, guestFile("probe"), { namespace, spec: { isolation: { cell } } });

test.each([
  ["Namespace", false, 2],
  ["App", false, 3],
  ["Shared", false, 2],
  ["Shared", true, 1],
])(
  "contract: of three apps in two namespaces with cells of kind %s (the owner allows: %s) run %i processes",
  async (cell, sharedCells, processes) => {
    const apps = [app("one", "blue", cell), app("two", "blue", cell), app("three", "red", cell)];
    runtime = await startTestRuntime(apps, join(temporary.path, "cache"), { sharedCells });
    for (const name of ["one", "two", "three"]) {
      expect((await get(`${await urlOf(runtime, name)}/hello`)).status).toBe(200);
    }
    expect(runtime.childPids().cells).toHaveLength(processes);
  },
);
