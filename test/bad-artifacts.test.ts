import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  repositoryFile,
  startTestRuntime,
  untilApp,
  urlOf,
  type TestRuntime,
} from "./harness.ts";
import { COMPONENT_HEADER, MODULE_HEADER } from "./fuzz/mutants.ts";

const HELLO = repositoryFile("examples/hello-rust/hello-rust.wasm");
const COMMAND_P1 = guestFile("command-p1");
const cache = makeTemporaryFolder();
const scratch = makeTemporaryFolder();

afterAll(() => {
  cache.remove();
  scratch.remove();
});

const COMMAND = { trigger: { command: { restartPolicy: "Never" } } };

/** One artifact that must not run: what it is, and the code and words that say why. */
interface BadArtifact {
  name: string;
  bytes: () => Uint8Array | Promise<Uint8Array>;
  spec?: Record<string, unknown>;
  code: string;
  says: RegExp;
}

const randomBytes = (header: readonly number[]): Uint8Array =>
  Uint8Array.from([...header, ...Array.from({ length: 4096 }, (_, index) => (index * 197 + 91) % 256)]);

const BAD_ARTIFACTS: BadArtifact[] = [
  {
    name: "empty",
    bytes: () => new Uint8Array(0),
    code: "ARTIFACT_NOT_WASM",
    says: /expected: the bytes 00 61 73 6d at the start; got: an empty file/,
  },
  { name: "text", bytes: () => Buffer.from("#!/bin/sh\n"), code: "ARTIFACT_NOT_WASM", says: /got: 23 21 2f 62/ },
  {
    name: "cut-in-header",
    bytes: () => Uint8Array.from(MODULE_HEADER.slice(0, 6)),
    code: "ARTIFACT_INVALID",
    says: /got: 0100/,
  },
  {
    name: "unknown-version",
    bytes: () => Uint8Array.from([...MODULE_HEADER.slice(0, 4), 9, 0, 0, 0]),
    code: "ARTIFACT_INVALID",
    says: /neither a core module nor a component/,
  },
  {
    name: "truncated-component",
    bytes: () => readFileSync(HELLO).subarray(0, 30_000),
    code: "ARTIFACT_INVALID",
    says: /the component is not valid/,
  },
  {
    name: "truncated-module",
    bytes: () => readFileSync(COMMAND_P1).subarray(0, 50_000),
    spec: COMMAND,
    code: "ARTIFACT_INVALID",
    says: /the module is not valid/,
  },
  {
    name: "random-component",
    bytes: () => randomBytes(COMPONENT_HEADER),
    code: "ARTIFACT_INVALID",
    says: /the component is not valid/,
  },
  {
    name: "random-module",
    bytes: () => randomBytes(MODULE_HEADER),
    spec: COMMAND,
    code: "ARTIFACT_INVALID",
    says: /the module is not valid/,
  },
  {
    name: "unknown-module-import",
    bytes: () => parse(`(module (import "env" "fork" (func)) (func (export "_start")))`),
    spec: COMMAND,
    code: "ARTIFACT_IMPORT_NOT_OFFERED",
    says: /imports env\.fork, which is not offered; offered is wasi_snapshot_preview1/,
  },
  {
    name: "unknown-component-import",
    bytes: () => parse(`(component (import "acme:cache/store@1.2.3" (instance (export "get" (func)))))`),
    code: "ARTIFACT_IMPORT_NOT_OFFERED",
    says: /imports acme:cache\/store@1\.2\.3, which is not offered; offered are .*wasi:http\/types@0\.2\.x/,
  },
  {
    name: "command-as-http",
    bytes: () => readFileSync(guestFile("command")),
    code: "ARTIFACT_WRONG_WORLD",
    says: /wasi:cli\/run/,
  },
  {
    name: "http-as-command",
    bytes: () => readFileSync(HELLO),
    spec: COMMAND,
    code: "ARTIFACT_WRONG_WORLD",
    says: /wasi:http\/incoming-handler/,
  },
  {
    name: "too-much-memory",
    bytes: () => parse(`(module (memory 1024) (func (export "_start")))`),
    spec: { ...COMMAND, limits: { memory: "16Mi" } },
    code: "ARTIFACT_MEMORY_LIMIT",
    says: /67108864 bytes of memory, more than limits\.memory allows: 16777216/,
  },
  {
    name: "too-much-memory-twice",
    bytes: () =>
      parse(`(component
        (core module $part (memory 200))
        (core instance (instantiate $part))
        (core instance (instantiate $part))
        (core module $main (func (export "run") (result i32) (i32.const 0)))
        (core instance $main (instantiate $main))
        (func $run (result (result)) (canon lift (core func $main "run")))
        (instance $exported (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exported)))`),
    spec: { ...COMMAND, limits: { memory: "16Mi" } },
    code: "ARTIFACT_MEMORY_LIMIT",
    says: /26214400 bytes of memory/,
  },
  {
    name: "threads",
    bytes: () => parse(`(module (memory 1 2 shared) (func (export "_start")))`),
    spec: COMMAND,
    code: "ARTIFACT_NOT_OFFERED",
    says: /shared memory/,
  },
  {
    name: "start-traps",
    bytes: () => parse(`(module (func $f unreachable) (start $f) (func (export "_start")))`),
    spec: COMMAND,
    code: "GUEST_START_TRAPPED",
    says: /unreachable/,
  },
];

describe("a node runtime with bad artifacts", () => {
  let runtime: TestRuntime;

  beforeAll(async () => {
    const manifests = await Promise.all(
      BAD_ARTIFACTS.map(async ({ name, bytes, spec = {} }) => {
        const file = join(scratch.path, `${name}.wasm`);
        writeFileSync(file, await bytes());
        return appManifest(name, file, { spec });
      }),
    );
    runtime = await startTestRuntime([...manifests, appManifest("good", HELLO)], cache.path);
  });

  afterAll(() => runtime.stop(0));

  test.each(BAD_ARTIFACTS)("$name: Failed with $code", async ({ name, code, says }) => {
    const app = await untilApp(runtime, name, "Failed");
    expect(app).toMatchObject({ reason: code, message: expect.stringMatching(says) });
    expect(runtime.lines.some(({ text }) => text.includes(code))).toBe(true);
  });

  test("the app beside them serves", async () => {
    expect((await get(await urlOf(runtime, "good"))).status).toBe(200);
  });

  test("a missing artifact: ARTIFACT_MISSING, until the file appears", async () => {
    const file = join(runtime.folder, "late.wasm");
    runtime.write("late.yaml", appManifest("late", "./late.wasm"));
    const { message } = await untilApp(runtime, "late", "Failed", ({ reason }) => reason === "ARTIFACT_MISSING");
    expect(message).toContain(file);
    const ready = untilReady(runtime, "late");
    copyFileSync(HELLO, file);
    expect((await get(await ready)).status).toBe(200);
  });
});

/** Resolves to the URL of an app that is Failed now and will be Ready. */
async function untilReady(runtime: TestRuntime, name: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const undo = runtime.onChange(() => {
    const app = runtime.apps().find((app) => app.name === name && app.state === "Ready");
    if (app?.urls[0] !== undefined) resolve(app.urls[0]);
  });
  return promise.finally(undo);
}
