import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ArtifactStore } from "../artifacts/artifact-store.ts";
import { Preparer } from "./preparer.ts";

const HANGING_MAIN = fileURLToPath(new URL("./hanging-preparer.ts", import.meta.url));

let directory: string;
let store: ArtifactStore;
let digest: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wasmlet-test-"));
  store = new ArtifactStore(directory);
  digest = store.putBlob(Buffer.from("\0asm"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("contract: a preparer that does not end is killed at its deadline, which the error names", async () => {
  const preparer = new Preparer(store, { maxSeconds: 0.5 }, HANGING_MAIN);
  const prepared = preparer.prepare(digest);
  const [pid] = preparer.pids;
  expect(process.kill(pid!, 0)).toBe(true);
  await expect(prepared).rejects.toMatchObject({
    code: "PREPARE_LIMIT",
    message: "preparing took more than 0.5 seconds",
  });
  expect(preparer.pids.size).toBe(0);
  expect(() => process.kill(pid!, 0)).toThrow("ESRCH");
});

test.runIf(process.platform === "linux")(
  "contract: a preparer that takes more memory than it may is killed, which the error names",
  async () => {
    const preparer = new Preparer(store, { maxResidentBytes: 65_536 }, HANGING_MAIN);
    await expect(preparer.prepare(digest)).rejects.toMatchObject({
      code: "PREPARE_LIMIT",
      message: "preparing took more than 65536 bytes of memory",
    });
    expect(preparer.pids.size).toBe(0);
  },
);

test("preparer: one that was killed frees its place for others", async () => {
  const preparer = new Preparer(store, { maxSeconds: 0.05 }, HANGING_MAIN);
  const digests = ["a", "b", "c"].map((bytes) => store.putBlob(Buffer.from(bytes)));
  const outcomes = await Promise.allSettled(digests.map((each) => preparer.prepare(each)));
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
});

test("contract: a disk that has no room for what is prepared is RUNTIME_CACHE, which is tried again", async () => {
  const preparer = new Preparer(store);
  const module = store.putBlob(Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]));
  const prepared = preparer.prepare(module);
  const [pid = 0] = preparer.pids;
  // Before it has run: it may write no byte to any file, as on a disk that is full.
  process.kill(pid, "SIGSTOP");
  execFileSync("prlimit", ["--pid", String(pid), "--fsize=0"]);
  process.kill(pid, "SIGCONT");
  await expect(prepared).rejects.toMatchObject({
    code: "RUNTIME_CACHE",
    message: expect.stringMatching(/^what is prepared cannot be kept: E/),
  });
});

test("preparer: a store without its folder of unfinished work is RUNTIME_CACHE", async () => {
  rmSync(join(directory, "temp"), { recursive: true });
  await expect(new Preparer(store).prepare(digest)).rejects.toHaveProperty("code", "RUNTIME_CACHE");
});
