import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  startTestRuntime,
  type TestRuntime,
  until,
  untilApp,
  urlOf,
} from "./harness.ts";

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  runtime = undefined;
});

afterAll(() => temporary.remove());

test.each([
  ["a mistyped kind", '"kind": "WasmApp"', '"kind": "WasmAp"', "MANIFEST_KIND"],
  ["an invalid spec", '"spec": {', '"spec": { "limits": { "memory": [] },', "MANIFEST_TYPE"],
  ["broken YAML", '"spec": {', '"spec": {{', "MANIFEST_SYNTAX"],
])("contract: %s takes no running app down, is shown, and is over when corrected", async (_, valid, mistaken, code) => {
  const started = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache);
  runtime = started;
  const url = await urlOf(started, "probe");
  const file = join(started.folder, "apps.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(valid, mistaken));
  const held = await untilApp(started, "probe", "Ready", ({ reason }) => reason !== undefined);
  expect(held.reason).toBe(code);
  expect(started.problems()[0]?.code).toBe(code);
  expect(held.message).toMatch(/apps\.yaml:\d+:\d+: .*last valid.*; fix: /);
  expect(held.conditions).toContainEqual(expect.objectContaining({ type: "ManifestValid", status: "False" }));
  expect(started.lines.filter(({ kind, text }) => kind === "error" && text.startsWith(code))).toHaveLength(1);
  expect((await get(`${url}/hello`)).body).toBe("Hello from probe\n");
  writeFileSync(file, text);
  const corrected = await untilApp(started, "probe", "Ready", ({ reason }) => reason === undefined);
  expect(corrected.conditions).toContainEqual(expect.objectContaining({ type: "ManifestValid", status: "True" }));
  expect((await get(`${url}/hello`)).status).toBe(200);
});

test("contract: an app with a mistaken manifest goes when the file does", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache);
  const started = runtime;
  await urlOf(started, "probe");
  writeFileSync(join(started.folder, "apps.yaml"), "a: [");
  await untilApp(started, "probe", "Ready", ({ reason }) => reason === "MANIFEST_SYNTAX");
  started.delete("apps.yaml");
  await until(started, () => (started.apps().length === 0 ? true : undefined));
  expect(started.problems()).toEqual([]);
});

test("a mistake and its correction do not run a command again", async () => {
  const spec = { trigger: { command: { args: ["hello"], restartPolicy: "Never" } } };
  runtime = await startTestRuntime([appManifest("once", guestFile("command-p1"), { spec })], cache);
  const started = runtime;
  await untilApp(started, "once", "Completed");
  const runs = (): number => started.lines.filter(({ kind }) => kind === "guest").length;
  const before = runs();
  expect(before).toBeGreaterThan(0);
  const file = join(started.folder, "apps.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("WasmApp", "WasmAp"));
  await untilApp(started, "once", "Completed", ({ reason }) => reason === "MANIFEST_KIND");
  writeFileSync(file, text);
  await untilApp(started, "once", "Completed", ({ reason }) => reason === undefined);
  expect(runs()).toBe(before);
});

test("a change that is taken up is logged with the fields that changed", async () => {
  runtime = await startTestRuntime([appManifest("probe", guestFile("probe"))], cache);
  const started = runtime;
  await urlOf(started, "probe");
  const began = started.lines.length;
  const news = (): string[] => started.lines.slice(began).flatMap(({ kind, text }) => (kind === "info" ? [text] : []));
  const spec = { limits: { memory: "64Mi" }, env: [{ name: "A", value: "b" }] };
  started.write("apps.yaml", appManifest("probe", guestFile("probe"), { spec }));
  await until(started, () => (news().length > 0 ? true : undefined));
  expect(news()).toEqual(["default/probe changed: env, limits.memory"]);
});
