import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { appManifest, get, makeTemporaryFolder, repositoryFile } from "../harness.ts";
import { peakResidentBytes, serve } from "../served-runtime.ts";

const FILES = 20;
const APPS_PER_FILE = 50;
const APPS = FILES * APPS_PER_FILE;
/** Below the ports that systems give out by themselves. */
const FIRST_PORT = 22_000;
const MAX_RESIDENT_BYTES = 512 * 1024 * 1024;

const temporary = makeTemporaryFolder();

afterAll(() => temporary.remove());

test("contract: a thousand apps in the folder all serve, in bounded memory, and are all told of", async () => {
  const runtime = await serve([], join(temporary.path, "cache"), ["--cells", "1", "--port-base", String(FIRST_PORT)]);
  try {
    const file = repositoryFile("examples/hello-c/hello-c.wasm");
    const names = Array.from({ length: APPS }, (_, index) => `app-${index}`);
    for (let at = 0; at < APPS; at += APPS_PER_FILE) {
      const manifests = names.slice(at, at + APPS_PER_FILE).map((name) => appManifest(name, file));
      writeFileSync(
        join(runtime.folder, `${at}.yaml`),
        manifests.map((manifest) => `--- ${JSON.stringify(manifest)}\n`).join(""),
      );
    }
    const urls = await Promise.all(names.map((name) => runtime.urlOf(name)));
    expect(new Set(urls).size).toBe(APPS);
    const apps = await runtime.apps();
    expect(apps.filter(({ state }) => state === "Ready")).toHaveLength(APPS);
    for (const url of urls.slice(0, 50)) expect((await get(url)).status).toBe(200);
    expect((await get(`${runtime.managementUrl}/metrics`)).status).toBe(200);
    expect(peakResidentBytes(runtime.pid)).toBeLessThan(MAX_RESIDENT_BYTES);
  } finally {
    await runtime.remove();
  }
});
