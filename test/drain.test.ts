import { Agent } from "node:http";
import { afterAll, afterEach, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder } from "./harness.ts";
import { serve, type ServedRuntime } from "./served-runtime.ts";

const CLIENTS = 16;
const ANSWERS_BEFORE_SIGNAL = 200;

const cache = makeTemporaryFolder();
let runtime: ServedRuntime | undefined;

afterEach(async () => {
  await runtime?.remove();
  runtime = undefined;
});

afterAll(() => cache.remove());

test.each([
  ["connections that stay open", true],
  ["a connection for each request", false],
])("contract: SIGTERM under load, %s: no accepted request fails", async (_kind, keepAlive) => {
  runtime = await serve([appManifest("probe", guestFile("probe"))], cache.path);
  const url = `${await runtime.urlOf("probe")}/sleep?ms=5`;
  const underLoad = Promise.withResolvers<void>();
  const signal = { isSent: false };
  const outcomes: (number | string | undefined)[] = [];
  // Each asks on and on; the request that is under way when the signal comes, and one more, are its last ones.
  const clients = Array.from({ length: CLIENTS }, async () => {
    const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    for (let last = false; !last;) {
      last = signal.isSent;
      const outcome = await get(url, { agent }).then(
        ({ status }) => status,
        ({ code }: NodeJS.ErrnoException) => code,
      );
      if (outcomes.push(outcome) === ANSWERS_BEFORE_SIGNAL) underLoad.resolve();
    }
    if (agent !== false) agent.destroy();
  });
  await underLoad.promise;
  runtime.signal("SIGTERM");
  signal.isSent = true;
  await Promise.all(clients);
  // A connection may be refused, which is no request that was accepted; none is cut.
  expect(outcomes.filter((outcome) => outcome !== 200 && outcome !== "ECONNREFUSED")).toEqual([]);
  expect(await runtime.exited).toEqual({ code: 0, signal: null });
});
