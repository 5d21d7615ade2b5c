import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  startTestRuntime,
  until,
  untilApp,
  urlOf,
  type TestRuntime,
} from "./harness.ts";
import { buildScriptedGuest } from "./scripted-guests.ts";

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => temporary.remove());

test("contract: an http app that traps at its start answers with why, is Failed with why, and harms no neighbour", async () => {
  const file = join(temporary.path, "app.wasm");
  writeFileSync(file, await buildScriptedGuest({ start: "unreachable" }));
  runtime = await startTestRuntime([appManifest("app", file), appManifest("probe", guestFile("probe"))], cache);
  const url = await urlOf(runtime, "app");
  const { status, headers, body } = await get(url);
  expect([status, headers["x-wasmlet-error"]]).toEqual([502, "GUEST_START_TRAPPED"]);
  expect(JSON.parse(body)).toMatchObject({
    code: "GUEST_START_TRAPPED",
    message: expect.stringContaining("unreachable"),
    fix: expect.stringContaining("start function"),
  });
  const failed = await untilApp(runtime, "app", "Failed");
  expect(failed).toMatchObject({ reason: "GUEST_START_TRAPPED", message: expect.stringMatching(/unreachable; fix: /) });
  expect(failed.conditions).toContainEqual(
    expect.objectContaining({ type: "Ready", status: "False", reason: "GUEST_START_TRAPPED" }),
  );
  expect((await get(`${await urlOf(runtime, "probe")}/hello`)).status).toBe(200);
  // It goes on listening, so that a repaired artifact serves on the same port.
  writeFileSync(`${file}.new`, await buildScriptedGuest({}));
  renameSync(`${file}.new`, file);
  const repaired = runtime;
  await until(repaired, () => repaired.apps().find(({ name, state }) => name === "app" && state === "Ready"));
  expect((await get(url)).status).toBe(200);
});

test("contract: an http app that loops at its start is stopped at its deadline, which is counted", async () => {
  const file = join(temporary.path, "endless-start.wasm");
  writeFileSync(file, await buildScriptedGuest({ start: "(loop $again (br $again))" }));
  runtime = await startTestRuntime(
    [appManifest("app", file, { spec: { limits: { requestTimeoutSeconds: 1 } } })],
    cache,
  );
  const { status, headers } = await get(await urlOf(runtime, "app"));
  expect([status, headers["x-wasmlet-error"]]).toEqual([504, "GUEST_TIMEOUT"]);
  expect(await metric(runtime, "wasmlet_limit_hits_total", 'limit="request_timeout"')).toBeGreaterThan(0);
  expect((await untilApp(runtime, "app", "Failed")).reason).toBe("GUEST_TIMEOUT");
});

test("contract: traps before, during and after a response cost their own request alone", async () => {
  runtime = await startTestRuntime(
    [appManifest("faulty", guestFile("probe")), appManifest("probe", guestFile("probe"))],
    cache,
  );
  const [faulty, probe] = [await urlOf(runtime, "faulty"), await urlOf(runtime, "probe")];
  const outcomes: Record<string, string> = {};
  const neighbours: number[] = [];
  for (const path of ["trap-before", "trap-during", "trap-after", "never", "set-error", "hello"]) {
    const answer = get(`${faulty}/${path}`).then(
      ({ status, headers }) => `${status} ${String(headers["x-wasmlet-error"] ?? "")}`.trimEnd(),
      ({ code }: NodeJS.ErrnoException) => String(code),
    );
    neighbours.push((await get(`${probe}/hello`)).status);
    outcomes[path] = await answer;
  }
  expect(outcomes).toEqual({
    "trap-before": "502 GUEST_TRAPPED",
    "trap-during": "502 GUEST_RESPONSE_INCOMPLETE",
    "trap-after": "200",
    never: "502 GUEST_NO_RESPONSE",
    "set-error": "502 GUEST_ERROR",
    hello: "200",
  });
  expect(neighbours).toEqual([200, 200, 200, 200, 200, 200]);
  expect(runtime.childPids().cells).toHaveLength(1);
  // What a guest does to a request is no fault of the app's own state.
  expect((await untilApp(runtime, "faulty", "Ready")).reason).toBeUndefined();
  const said = runtime.lines.map(({ text }) => text).join("\n");
  for (const words of ["GUEST_TRAPPED: the guest trapped: ", "GUEST_TRAPPED: the guest trapped after its response: "]) {
    expect(said).toContain(words);
  }
});
