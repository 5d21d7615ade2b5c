import { Agent } from "node:http";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  urlOf,
  type Answer,
  type TestRuntime,
} from "./harness.ts";

/** Places, and clients that want one; all that wait take longer than one may, which is half a second. */
const [PLACES, CLIENTS] = [10, 60];
const SPEC = { limits: { requestTimeoutSeconds: 1, concurrency: PLACES } };

const cache = makeTemporaryFolder();
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => cache.remove());

test("contract: a request that would wait too long is refused at once, and its connection stays", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"), { spec: SPEC })], cache.path);
  const url = await urlOf(runtime, "probe");
  const agent = new Agent({ keepAlive: true });
  let refused: Answer | undefined;
  const statuses = new Set<number>();
  const ask = async (): Promise<void> => {
    while (refused === undefined) {
      const answer = await get(`${url}/sleep?ms=200`, { agent });
      statuses.add(answer.status);
      if (answer.body.includes("wait for their turn already")) refused = answer;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, ask));
  agent.destroy();
  expect(refused).toMatchObject({
    status: 503,
    headers: { "x-wasmlet-error": "REQUEST_OVERLOADED", "retry-after": "1", connection: "keep-alive" },
  });
  expect(JSON.parse(refused!.body)).toMatchObject({ code: "REQUEST_OVERLOADED" });
  expect(statuses).toContain(200);
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'limit="queue_time"')).toBeGreaterThan(0);
});
