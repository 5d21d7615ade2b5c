import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, open, read, type Manifest } from "./harness.ts";
import { isAlive, serve, spawnWasmlet, type ServedRuntime } from "./served-runtime.ts";

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
/** A cache that another user may write. */
const publicCache = join(temporary.path, "public-cache");
const NOBODY = { uid: 65_534, gid: 65_534 };
let runtime: ServedRuntime | undefined;

beforeAll(() => {
  chmodSync(temporary.path, 0o755);
  mkdirSync(publicCache);
  chmodSync(publicCache, 0o777);
});

afterEach(async () => {
  await runtime?.remove();
  runtime = undefined;
});

afterAll(() => temporary.remove());

test("wasmlet serve: says the URLs, serves, and drains at SIGTERM", async () => {
  runtime = await serve([probeApp("probe")], cache);
  const url = await runtime.urlOf("probe");
  expect((await get(`${url}/hello`)).body).toBe("Hello from probe\n");
  expect((await get(`${runtime.managementUrl}/healthz`)).body).toBe("ok\n");
  const children = runtime.children();
  expect(children.length).toBe(2);
  // The head of this answer has come, its end has not: the drain waits for it.
  const accepted = await open(`${url}/stream?chunks=2&ms=1000`);
  runtime.signal("SIGTERM");
  expect(await runtime.untilLogged(({ msg }) => msg === "draining")).toMatchObject({ signal: "SIGTERM" });
  expect((await read(accepted)).body).toBe("chunk 0\nchunk 1\n");
  expect(await runtime.exited).toEqual({ code: 0, signal: null });
  expect(await runtime.stderr).toBe("");
  expect(runtime.log.at(-1)?.msg).toBe("stopped");
  expect(children.filter(isAlive)).toEqual([]);
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("contract: a second signal, %s, stops at once with %d and leaves no process", async (second, code) => {
  runtime = await serve([probeApp("probe")], cache, ["--grace", "1h"]);
  const endless = await open(`${await runtime.urlOf("probe")}/stream?chunks=2&ms=3600000`);
  const cut = read(endless).then(
    () => "complete",
    () => "cut",
  );
  const children = runtime.children();
  runtime.signal("SIGTERM");
  await runtime.untilLogged(({ msg }) => msg === "draining");
  runtime.signal(second);
  expect(await runtime.exited).toEqual({ code, signal: null });
  expect(await cut).toBe("cut");
  // They got SIGKILL before it ended, and are gone as soon as the system has done that.
  while (children.some(isAlive));
});

test("contract: kill -9 of wasmlet serve leaves no cell behind, and its ports are free", async () => {
  runtime = await serve([probeApp("probe")], cache);
  const url = await runtime.urlOf("probe");
  const children = runtime.children();
  expect(children.length).toBe(2);
  runtime.signal("SIGKILL");
  expect(await runtime.exited).toEqual({ code: null, signal: "SIGKILL" });
  while (children.some(isAlive));
  const [base, management] = [url, runtime.managementUrl].map((one) => new URL(one).port) as [string, string];
  await runtime.remove();
  runtime = await serve([probeApp("probe")], cache, ["--port-base", base, "--management-port", management]);
  expect(await runtime.urlOf("probe")).toBe(url);
});

test("contract: kill -9 of wasmlet serve leaves no cell behind whose guest computes", async () => {
  runtime = await serve([probeApp("probe")], cache);
  const url = await runtime.urlOf("probe");
  const children = runtime.children();
  const before = children.map(cpuTicks);
  const computing = get(`${url}/loop`).catch(({ code }: NodeJS.ErrnoException) => code);
  while (!children.some((pid, index) => cpuTicks(pid) > before[index]! + 50)) await nextTurn();
  runtime.signal("SIGKILL");
  expect(await computing).toBe("ECONNRESET");
  while (children.some(isAlive)) await nextTurn();
});

test.each([
  ["is not there", /ENOENT/, () => {}],
  ["may not be read", /EACCES/, (path: string) => mkdirSync(path, { mode: 0 })],
  ["is a link to itself", /ELOOP/, (path: string) => symlinkSync(path, path)],
])("wasmlet serve: a folder that %s: RUNTIME_FOLDER", async (kind, why, make) => {
  const path = join(temporary.path, kind);
  make(path);
  const { status, stderr } = await failing(["serve", path, "--management-port", "0"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: RUNTIME_FOLDER: /);
  expect(stderr).toMatch(why);
  expect(stderr).toContain(`  expected: a readable folder with .yaml files\n  where: ${path}\n  fix: `);
});

test("wasmlet serve: a cache folder that may not be written: RUNTIME_CACHE", async () => {
  const path = join(temporary.path, "read-only");
  mkdirSync(path, { mode: 0o555 });
  const { status, stderr } = await failing(["serve", temporary.path, "--cache-dir", path]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: RUNTIME_CACHE: .*EACCES/);
  expect(stderr).toContain(`where: ${path}\n`);
  expect(stderr).toContain("--cache-dir");
});

test("wasmlet serve -o json: what keeps it from starting is JSON too", async () => {
  const { status, stderr } = await failing([
    "serve",
    join(temporary.path, "nowhere"),
    "--management-port",
    "0",
    "-o",
    "json",
  ]);
  expect(status).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "RUNTIME_FOLDER", fix: expect.any(String) } });
});

test("wasmlet serve: a management port that another program has: RUNTIME_PORT_IN_USE", async () => {
  const { port, close } = await takePort();
  const folder = join(temporary.path, "empty");
  mkdirSync(folder);
  const { status, stderr } = await failing(["serve", folder, "--management-port", String(port)]);
  await close();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: RUNTIME_PORT_IN_USE: /);
  expect(stderr).toContain(`where: 127.0.0.1:${port}\n`);
  expect(stderr).toContain("--management-port");
});

test("wasmlet serve: an app whose port another program has says so, and its neighbour serves", async () => {
  const { port, close } = await takePort();
  runtime = await serve([probeApp("taken", port), probeApp("free")], cache);
  const said = await runtime.untilLogged(({ msg }) => msg === "default/taken is BackOff");
  expect(said).toMatchObject({ reason: "APP_PORT_IN_USE" });
  expect((await get(`${await runtime.urlOf("free")}/hello`)).status).toBe(200);
  await close();
});

test("wasmlet serve: what is wrong with a manifest is logged with its place, and the others serve", async () => {
  runtime = await serve([probeApp("probe")], cache);
  const { spec, ...rest } = probeApp("mistyped");
  runtime.write("mistyped.yaml", { ...rest, spec: { ...(spec as object), tigger: { http: {} } } });
  const problem = await runtime.untilLogged(({ code }) => code === "MANIFEST_UNKNOWN_FIELD");
  expect(problem).toMatchObject({
    level: "error",
    msg: expect.stringMatching(/spec\.tigger.*did you mean trigger/),
    where: expect.stringContaining(join(runtime.folder, "mistyped.yaml")),
  });
  expect((await get(`${await runtime.urlOf("probe")}/hello`)).status).toBe(200);
});

function probeApp(name: string, port?: number): Manifest {
  return appManifest(name, guestFile("probe"), port === undefined ? {} : { port });
}

/** Runs a command that ends by itself, as a user whom permissions concern. */
async function failing(args: string[]): Promise<{ status: number | null; stderr: string }> {
  const child = spawnWasmlet(args, publicCache, process.getuid?.() === 0 ? NOBODY : {});
  child.stdout!.resume();
  const [[status], stderr] = await Promise.all([once(child, "exit"), text(child.stderr!)]);
  return { status: status as number | null, stderr };
}

/** Listens on a free port as another program would. */
async function takePort(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Hundredths of a second that a process has computed. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
