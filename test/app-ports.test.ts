import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  startTestRuntime,
  until,
  untilApp,
  urlOf,
} from "./harness.ts";

/** Below the ports that systems give out by themselves; the ones after it are taken when it is not free. */
const FIRST_PORT = 21_080;

const temporary = makeTemporaryFolder();

afterAll(() => temporary.remove());

test("contract: ports follow the order of the manifests, not of who is ready first", async () => {
  const late = join(temporary.path, "late.wasm");
  const manifests = [appManifest("late", late), appManifest("early", guestFile("probe"))];
  const runtime = await startTestRuntime(manifests, join(temporary.path, "cache"), { firstPort: FIRST_PORT });
  try {
    await untilApp(runtime, "late", "Failed");
    const early = await urlOf(runtime, "early");
    copyFileSync(guestFile("probe"), late);
    const [url = ""] = await until(
      runtime,
      () => runtime.apps().find(({ name, state }) => name === "late" && state === "Ready")?.urls,
    );
    expect(Number(new URL(url).port)).toBeLessThan(Number(new URL(early).port));
    expect((await get(`${url}/hello`)).status).toBe(200);
  } finally {
    await runtime.stop(0);
  }
});
