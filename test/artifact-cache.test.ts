import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { ArtifactStore } from "../node-runtime/artifacts/artifact-store.ts";
import type { PreparedArtifact } from "../node-runtime/artifacts/prepared-artifact.ts";
import { prepareArtifact } from "../node-runtime/prepare/pipeline.ts";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  metric,
  repositoryFile,
  startTestRuntime,
  type TestRuntime,
  untilApp,
  urlOf,
} from "./harness.ts";

/** A process id that no system gives out. */
const NO_PROCESS = 4_294_967_295;

const cache = makeTemporaryFolder();
let runtime: TestRuntime | undefined;

afterEach(async () => {
  await runtime?.stop(0);
  cache.remove();
});

test("contract: a full artifact cache keeps what apps use and lets go of what none does", async () => {
  const leftover = join(cache.path, "temp", `${NO_PROCESS}-unfinished`);
  mkdirSync(leftover, { recursive: true });
  writeFileSync(join(leftover, "core-0.wasm"), "half");
  const hello = appManifest("hello", repositoryFile("examples/hello-rust/hello-rust.wasm"));
  // Nothing fits: only what is in use may be there.
  runtime = await startTestRuntime([hello], cache.path, { cacheMaxBytes: 1 });
  expect(existsSync(leftover)).toBe(false);
  const url = await urlOf(runtime, "hello");
  const held = await metric(runtime, "wasmlet_artifact_cache_bytes");
  expect(held).toBeGreaterThan(1);
  runtime.write("other.yaml", appManifest("other", guestFile("probe")));
  await urlOf(runtime, "other");
  expect(await metric(runtime, "wasmlet_artifact_cache_evictions_total")).toBe(0);
  runtime.delete("other.yaml");
  // A new artifact makes room: what "other" used goes, blob and prepared.
  const command = { spec: { trigger: { command: { restartPolicy: "Never" } } } };
  runtime.write("third.yaml", appManifest("third", guestFile("command-p1"), command));
  await untilApp(runtime, "third", "Completed");
  expect(await metric(runtime, "wasmlet_artifact_cache_evictions_total")).toBe(2);
  expect(readdirSync(join(cache.path, "blobs"))).toHaveLength(2);
  expect((await get(url)).status).toBe(200);
});

test.each([
  ["rewritten for the lean engine", guestFile("probe")],
  ["rewritten for jco", guestFile("probe-p3")],
])("contract: what was prepared once is not prepared again by the next start: %s", async (_, file) => {
  const preparedAt = (): number[] =>
    readdirSync(join(cache.path, "prepared")).map(
      (name) => statSync(join(cache.path, "prepared", name, "prepared.json")).ino,
    );
  runtime = await startTestRuntime([appManifest("app", file)], cache.path);
  await urlOf(runtime, "app");
  const before = preparedAt();
  await runtime.stop(0);
  runtime = await startTestRuntime([appManifest("app", file)], cache.path);
  expect((await get(`${await urlOf(runtime, "app")}/hello`)).status).toBe(200);
  expect(preparedAt()).toEqual(before);
});

test.each([
  ["a component of the lean engine", "probe", "lean"],
  ["a component of jco's", "probe", "jco"],
  ["a core module", "command-p1", undefined],
] as const)(
  "contract: what was made of %s is found again as it was left, and not when it is damaged",
  async (...row) => {
    const [, guest, engine] = row;
    const folder = makeTemporaryFolder();
    onTestFinished(folder.remove);
    const store = new ArtifactStore(folder.path);
    const digest = store.putBlob(readFileSync(guestFile(guest)));
    const prepare = async (): Promise<PreparedArtifact> => {
      const temporary = store.makeTemporary();
      mkdirSync(temporary);
      const made = await prepareArtifact(store.blobFile(digest), temporary, engine && { componentEngine: engine });
      store.publishPrepared(temporary, digest);
      return made;
    };
    const made = await prepare();
    expect(store.findPrepared(digest)).toEqual(made);
    for (const file of made.modules.flatMap(({ file, tracked }) => [file, tracked?.file ?? file])) {
      truncateSync(join(store.preparedDirectory(digest), file), 100);
      expect(store.findPrepared(digest)).toBeUndefined();
      await prepare();
    }
  },
);
