import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { runFile } from "../node-runtime/run.ts";
import {
  appManifest,
  get,
  guestFile,
  makeTemporaryFolder,
  startTestRuntime,
  untilApp,
  type TestRuntime,
} from "./harness.ts";
import { childrenOf, isAlive, spawnWasmlet } from "./served-runtime.ts";

const cache = makeTemporaryFolder();
const data = makeTemporaryFolder();
writeFileSync(join(data.path, "note.txt"), "a note\n");

afterAll(() => {
  cache.remove();
  data.remove();
});

interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command as a user does, in a process of its own with an empty environment; this one goes on meanwhile. */
async function wasmlet(args: string[], input = ""): Promise<Result> {
  const child = spawnWasmlet(args, cache.path);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdin!.end(input);
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout!), text(child.stderr!)]);
  return { status, stdout, stderr };
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it ended
  }
}

describe.each(["command", "command-p1"])("wasmlet run %s", (guest) => {
  const file = guestFile(guest);

  test("stdin, stdout and the exit code are the guest's", async () => {
    const input = `${"a line\n".repeat(20_000)}the end`;
    expect(await wasmlet(["run", file, "--", "cat"], input)).toEqual({ status: 0, stdout: input, stderr: "" });
  });

  test.each([0, 1, 7])("exits with %i as the guest does", async (code) => {
    expect(await wasmlet(["run", file, "--", "exit", String(code)])).toEqual({ status: code, stdout: "", stderr: "" });
  });

  test("--env: the guest sees what is named, and nothing else", async () => {
    const { status, stdout } = await wasmlet(["run", "--env", "A=b=c", "--env", "EMPTY=", file, "env"]);
    expect([status, stdout]).toEqual([0, "A=b=c\nEMPTY=\n"]);
  });

  test("--dir: the guest reads and writes the folder under its guest path", async () => {
    const dir = ["--dir", `${data.path}::/data`];
    expect(await wasmlet(["run", ...dir, file, "read", "/data/note.txt"])).toMatchObject({
      status: 0,
      stdout: "a note\n",
    });
    expect(await wasmlet(["run", ...dir, file, "write", `/data/${guest}.txt`, "new"])).toMatchObject({ status: 0 });
    expect(readFileSync(join(data.path, `${guest}.txt`), "utf8")).toBe("new");
  });

  test("without --dir: the guest sees no file", async () => {
    const { status, stderr } = await wasmlet(["run", file, "read", join(data.path, "note.txt")]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: /);
  });

  test("a trap is said with its code", async () => {
    const { status, stdout, stderr } = await wasmlet(["run", file, "trap"]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: GUEST_TRAPPED: .*unreachable/);
  });
});

describe("wasmlet run --allow-host", () => {
  let peer: Server;
  let address = "";

  beforeAll(async () => {
    peer = createServer((socket) => socket.end("from the peer"));
    await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
    address = `127.0.0.1:${(peer.address() as AddressInfo).port}`;
  });

  afterAll(() => new Promise((resolve) => peer.close(resolve)));

  test("a host that is named is reached", async () => {
    const { status, stdout } = await wasmlet(["run", "--allow-host", address, guestFile("command"), "tcp", address]);
    expect([status, stdout]).toEqual([0, "from the peer"]);
  });

  test.each([[[]], [["--allow-host", "127.0.0.1:1"]], [["--allow-host", "*"]]])(
    "%j does not reach it",
    async (allow) => {
      const { status, stdout, stderr } = await wasmlet(["run", ...allow, guestFile("command"), "tcp", address]);
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^error: PermissionDenied /);
    },
  );

  test("an entry that is not one is refused, and nothing runs", async () => {
    const { status, stdout, stderr } = await wasmlet(["run", "--allow-host", "a b", guestFile("command"), "hello"]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: EGRESS_ENTRY_INVALID: [^]*fix: /);
  });
});

test("wasmlet run --memory: a program that starts with more is refused", async () => {
  const { status, stderr } = await wasmlet(["run", "--memory", "64Ki", guestFile("command-p1"), "hello"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: ARTIFACT_MEMORY_LIMIT: [^]*fix: .*--memory/);
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("contract: wasmlet run ends at %s with %d, a program that never ends with it", async (signal, code) => {
  const child = spawnWasmlet(["run", guestFile("command-p1"), "loop"], cache.path);
  const exited = once(child, "exit");
  // One child compiles, unless the cache has it; the one that stays runs the program.
  while (!childrenOf(child.pid!).some((pid) => readCommandLine(pid).includes("cell/main.ts"))) await nextTurn();
  const children = childrenOf(child.pid!);
  child.kill(signal);
  expect(await exited).toEqual([code, null]);
  while (children.some(isAlive)) await nextTurn();
});

test("wasmlet run: an http component is refused with what to do", async () => {
  const { status, stderr } = await wasmlet(["run", guestFile("probe")]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: ARTIFACT_WRONG_WORLD: [^]*fix: .*wasmlet serve DIR/);
});

test("runFile: a folder that is not there is said before the program starts", async () => {
  const missing = join(data.path, "missing");
  const running = runFile({
    file: guestFile("command-p1"),
    args: ["hello"],
    env: [],
    preopens: [{ guestPath: "/data", hostPath: missing, writable: false }],
    allowedOutboundHosts: [],
    maxMemoryBytes: 2 ** 24,
    cacheDirectory: cache.path,
  });
  await expect(running).rejects.toMatchObject({
    code: "APP_FOLDER_MISSING",
    message: expect.stringContaining(missing),
  });
});

test("wasmlet run: a missing file is ARTIFACT_MISSING", async () => {
  const { status, stderr } = await wasmlet(["run", "nowhere.wasm"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: ARTIFACT_MISSING: /);
});

test.each([
  ["command", { kind: "component", engine: "lean", triggers: ["command"], wasi: "0.2" }],
  ["command-p1", { kind: "core-module", engine: "core-module", triggers: ["command"], wasi: "preview1" }],
  ["probe", { kind: "component", engine: "lean", triggers: ["http"], wasi: "0.2" }],
])("wasmlet inspect %s -o json: says what it is", async (guest, expected) => {
  const { status, stdout } = await wasmlet(["inspect", guestFile(guest), "-o", "json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ...expected, bytes: readFileSync(guestFile(guest)).length });
});

test("wasmlet validate: names file, line, column and the field meant", async () => {
  const file = join(data.path, "bad.yaml");
  const manifest = appManifest("bad", "./x.wasm", { spec: { tigger: { http: {} } } });
  const source = JSON.stringify(manifest, null, 2);
  writeFileSync(file, source);
  const { status, stdout } = await wasmlet(["validate", file, "-o", "json"]);
  expect(status).toBe(1);
  const { valid, problems } = JSON.parse(stdout) as { valid: boolean; problems: Record<string, unknown>[] };
  expect(valid).toBe(false);
  expect(problems).toContainEqual(
    expect.objectContaining({
      code: "MANIFEST_UNKNOWN_FIELD",
      file,
      line: source.split('"tigger"')[0]?.split("\n").length,
      path: "spec.tigger",
      message: expect.stringContaining("trigger"),
    }),
  );
});

describe("wasmlet get apps", () => {
  let runtime: TestRuntime;

  beforeAll(async () => {
    const spec = { trigger: { command: { args: ["exit", "7"], restartPolicy: "Never" } } };
    runtime = await startTestRuntime([appManifest("seven", guestFile("command-p1"), { spec })], cache.path);
    await untilApp(runtime, "seven", "Failed");
  });

  afterAll(() => runtime.stop(0));

  test("-o json: lists the apps of a running runtime", async () => {
    const { status, stdout } = await wasmlet(["get", "apps", "--address", runtime.managementUrl, "-o", "json"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      apps: [{ namespace: "default", name: "seven", kind: "command", state: "Failed", reason: "Error", exitCode: 7 }],
    });
  });

  test.each([
    ["json", (text: string): unknown => JSON.parse(text)],
    ["yaml", (text: string): unknown => parse(text)],
  ])("NAME -o %s: is the app itself, as the management port tells it", async (format, read) => {
    const { stdout } = await wasmlet(["get", "app", "seven", "--address", runtime.managementUrl, "-o", format]);
    const { status, body } = await get(`${runtime.managementUrl}/v1/apps/default/seven`);
    expect(status).toBe(200);
    expect(read(stdout)).toEqual(JSON.parse(body));
    expect(read(stdout)).toMatchObject({ name: "seven", state: "Failed" });
  });

  test("NAME of no app: APP_NOT_FOUND, and 404 at the management port", async () => {
    const { status, stderr } = await wasmlet(["get", "app", "eight", "--address", runtime.managementUrl]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: APP_NOT_FOUND: .*eight/)]);
    expect((await get(`${runtime.managementUrl}/v1/apps/default/eight`)).status).toBe(404);
  });

  test("as a table: one line each", async () => {
    const { stdout } = await wasmlet(["get", "apps", "--address", runtime.managementUrl]);
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^NAMESPACE +NAME +KIND/),
      expect.stringMatching(/^default +seven +command .*Failed .*Error/),
    ]);
  });
});

test("wasmlet get apps: without a runtime it is RUNTIME_UNREACHABLE", async () => {
  const runtime = await startTestRuntime([], cache.path);
  const { managementUrl } = runtime;
  await runtime.stop(0);
  const { status, stderr } = await wasmlet(["get", "apps", "--address", managementUrl]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: RUNTIME_UNREACHABLE: /);
});

test("contract: wasmlet demo --exit-when-ready serves every example and exits with 0", async () => {
  const { status, stdout, stderr } = await wasmlet(["demo", "--exit-when-ready"]);
  expect(status, stderr).toBe(0);
  for (const example of ["caller-rust", "hello-c", "hello-js", "hello-rust", "image-rust"]) {
    expect(stdout).toMatch(new RegExp(`${example} .*Ready`));
  }
  expect(stdout).toMatch(/tour-go .*Completed/);
});
