import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, repositoryFile } from "../harness.ts";
import { isAlive, serve, type ServedRuntime } from "../served-runtime.ts";

/*
 * A cache on a file system of its own, which is full or may not be written for a while. Mounting needs root.
 */

const DISK_BYTES = 32 * 1024 * 1024;
const isRoot = process.getuid?.() === 0 && canMount();

const temporary = makeTemporaryFolder();
const disk = join(temporary.path, "disk");
let runtime: ServedRuntime | undefined;

afterEach(async () => {
  await runtime?.remove();
  runtime = undefined;
  if (isRoot) run("umount", disk);
});

afterAll(() => temporary.remove());

if (!isRoot) console.warn("skipped: a full and a read-only cache, which only root may mount");

test.runIf(isRoot)("contract: a full disk stops what is new, says so, and is recovered from", async () => {
  const served = await serveOnDisk();
  const url = await served.urlOf("probe");
  const filler = join(disk, "filler");
  fill(filler);
  await addSecond(served);
  await served.untilLogged(({ msg, reason }) => msg === "default/second is BackOff" && reason !== undefined);
  const second = (await served.apps()).find(({ name }) => name === "second");
  expect(second?.reason).toMatch(/^(RUNTIME_CACHE|PREPARE_|ARTIFACT_)/);
  expect(second?.message).toContain("ENOSPC");
  expect((await get(`${url}/hello`)).status).toBe(200);
  expect((await get(`${served.managementUrl}/metrics`)).status).toBe(200);
  rmSync(filler);
  expect((await get(await served.urlOf("second"))).status).toBe(200);
  expect(isAlive(served.pid)).toBe(true);
});

test.runIf(isRoot)(
  "contract: a cache that may not be written any more stops what is new alone, until it may",
  async () => {
    const served = await serveOnDisk();
    const url = await served.urlOf("probe");
    run("mount", "-o", "remount,ro", disk);
    await addSecond(served);
    await served.untilLogged(({ msg, reason }) => msg === "default/second is BackOff" && reason === "RUNTIME_CACHE");
    expect((await get(`${url}/hello`)).status).toBe(200);
    run("mount", "-o", "remount,rw", disk);
    expect((await get(await served.urlOf("second"))).status).toBe(200);
  },
);

async function serveOnDisk(): Promise<ServedRuntime> {
  mkdirSync(disk, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk);
  runtime = await serve([appManifest("probe", guestFile("probe"))], join(disk, "cache"));
  return runtime;
}

async function addSecond(served: ServedRuntime): Promise<void> {
  const second = appManifest("second", repositoryFile("examples/hello-rust/hello-rust.wasm"));
  served.write("second.yaml", second);
  await served.untilLogged(({ msg }) => msg.startsWith("default/second is "));
}

/** Leaves no block free. */
function fill(file: string): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(file, Buffer.alloc(bavail * bsize));
}

function canMount(): boolean {
  const folder = makeTemporaryFolder();
  try {
    run("mount", "-t", "tmpfs", "tmpfs", folder.path);
    run("umount", folder.path);
    return true;
  } catch {
    return false; // a container without the capability
  } finally {
    folder.remove();
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: "ignore" });
}
