import { afterAll, beforeAll, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, startTestRuntime, type TestRuntime, urlOf } from "./harness.ts";

const cache = makeTemporaryFolder();
let runtime: TestRuntime;
let probe: string;

beforeAll(async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache.path);
  probe = await urlOf(runtime, "probe");
});

afterAll(async () => {
  await runtime.stop(1000);
  cache.remove();
});

test("an http app: answers over a socket", async () => {
  const { status, body } = await get(`${probe}/hello`);
  expect(status).toBe(200);
  expect(body).toBe("Hello from probe\n");
});
