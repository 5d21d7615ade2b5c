import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { attemptFor } from "./attempt.ts";
import { fakeDriver } from "./fake-driver.ts";
import type { Missing } from "./measure.ts";
import { Probe } from "./probe.ts";
import { compareReach } from "./reach.ts";
import { compareSpeed } from "./speed.ts";

/* Speed and isolation: whoever fails is left out of that part alone. */

const { signal } = new AbortController();

async function urlOf(status: number, onRequest: () => void = () => {}): Promise<string> {
  const server = createServer((_, response) => {
    onRequest();
    response.writeHead(status).end("lists /=yes\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("reach: one that does not start and one that does not answer are left out with the reason", async () => {
  const missing: Missing[] = [];
  await using probe = await Probe.start();
  const drivers = [
    fakeDriver("lame", { failsAt: 0 }),
    fakeDriver("silent", { url: await urlOf(500) }),
    fakeDriver("good", { url: await urlOf(200) }),
  ];
  const reached = await compareReach(drivers, probe, attemptFor("isolation", missing, signal), signal);
  expect(reached).toEqual([{ contender: "good", findings: { "lists /": "yes" } }]);
  expect(missing).toEqual([
    { contender: "lame", part: "isolation", why: "it did not start" },
    { contender: "silent", part: "isolation", why: "expected 200, got 500" },
  ]);
  expect(drivers.map(({ stopped }) => stopped)).toEqual([0, 1, 1]);
});

test("speed: without the one that all are compared with nothing is told, but why", async () => {
  const missing: Missing[] = [];
  await using probe = await Probe.start();
  const drivers = [fakeDriver("process", { url: await urlOf(500) }), fakeDriver("wasm-new", { url: await urlOf(200) })];
  const speed = await compareSpeed(drivers, probe, attemptFor("speed", missing, signal), signal);
  expect(speed).toEqual([]);
  expect(missing).toEqual([{ contender: "process", part: "speed", why: expect.stringContaining("expected 200, got") }]);
  expect(drivers.map(({ stopped }) => stopped)).toEqual([1, 1]);
});

test("speed: an aborted signal ends it, and what was started", async () => {
  const controller = new AbortController();
  await using probe = await Probe.start();
  const driver = fakeDriver("process", { url: await urlOf(200, () => controller.abort()) });
  const missing: Missing[] = [];
  const attempt = attemptFor("speed", missing, controller.signal);
  await expect(compareSpeed([driver], probe, attempt, controller.signal)).rejects.toThrow(
    expect.objectContaining({ name: "AbortError" }),
  );
  expect(missing).toEqual([]);
  expect(driver.stopped).toBe(1);
});
