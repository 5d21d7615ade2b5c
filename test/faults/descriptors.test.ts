import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, repositoryFile } from "../harness.ts";
import { isAlive, serve, type ServedRuntime } from "../served-runtime.ts";

/** More connections than a process has descriptors for. */
const CONNECTIONS = 40;
const SPARE_DESCRIPTORS = 3;

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
let runtime: ServedRuntime;

afterEach(() => runtime.remove());
afterAll(() => temporary.remove());

test("contract: a cell that has no descriptor left serves again when connections have ended", async () => {
  runtime = await serve([appManifest("probe", guestFile("probe"))], cache, ["--cells", "1"]);
  const url = await runtime.urlOf("probe");
  const cells = runtime.children().filter(isAlive);
  expect(cells).toHaveLength(1);
  limitDescriptors(cells[0]!);
  const held = await holdConnections(url);
  expect((await get(`${runtime.managementUrl}/metrics`)).status).toBe(200);
  for (const socket of held) socket.destroy();
  while ((await statusOf(`${url}/hello`)) !== 200);
  expect(runtime.children().filter(isAlive)).toEqual(cells);
});

test("contract: a supervisor that has no descriptor left goes on, and starts what is new when it has some", async () => {
  runtime = await serve([appManifest("probe", guestFile("probe"))], cache, ["--cells", "1"]);
  const url = await runtime.urlOf("probe");
  const cells = runtime.children().filter(isAlive);
  limitDescriptors(runtime.pid);
  const held = await holdConnections(runtime.managementUrl);
  runtime.write("second.yaml", appManifest("second", repositoryFile("examples/hello-rust/hello-rust.wasm")));
  expect((await get(`${url}/hello`)).status).toBe(200);
  for (const socket of held) socket.destroy();
  while ((await statusOf(`${runtime.managementUrl}/healthz`)) !== 200);
  // What was found in its stead was no descriptor; now it is as it should be.
  raiseDescriptors(runtime.pid);
  expect((await get(await runtime.urlOf("second"))).status).toBe(200);
  expect(cells.every(isAlive)).toBe(true);
  expect(isAlive(runtime.pid)).toBe(true);
});

function limitDescriptors(pid: number): void {
  const open = readdirSync(`/proc/${pid}/fd`).map(Number);
  setDescriptors(pid, Math.max(...open) + 1 + SPARE_DESCRIPTORS);
}

function raiseDescriptors(pid: number): void {
  setDescriptors(pid, 4096);
}

/** Sets the soft limit. */
function setDescriptors(pid: number, limit: number): void {
  execFileSync("prlimit", [`--pid=${pid}`, `--nofile=${limit}:`]);
}

/** Opens connections and keeps them; resolves when each is made, or was refused. */
function holdConnections(url: string): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const made = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(Number(port), hostname).on("error", () => {});
    return new Promise<Socket>((resolve) => {
      socket.once("connect", () => resolve(socket));
      socket.once("close", () => resolve(socket));
    });
  });
  return Promise.all(made);
}

function statusOf(url: string): Promise<number | string> {
  return get(url).then(({ status }) => status, String);
}
