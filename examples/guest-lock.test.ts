import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Guest, GUESTS, REPOSITORY } from "./guest-catalog.ts";
import { computeLockEntry, findStaleGuests, type GuestLock, readLock, writeLock } from "./guest-lock.ts";

const GUEST: Guest = { name: "hello", source: "hello/guest", wasm: "hello/hello.wasm", recipe: { tool: "go" } };

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "guest-lock-"));
  await mkdir(join(root, GUEST.source, "src"), { recursive: true });
  await writeFile(join(root, GUEST.source, "go.mod"), "module hello\n");
  await writeFile(join(root, GUEST.source, "src/main.go"), "package main\n");
  await writeFile(join(root, GUEST.wasm), "\0asm");
});

afterEach(() => rm(root, { recursive: true }));

async function lockAsBuilt(): Promise<GuestLock> {
  return { hello: await computeLockEntry(root, GUEST, "go 1.26") };
}

test("contract: every committed guest is the one that its source makes", async () => {
  const lock = await readLock(join(REPOSITORY, "examples/guests.lock.json"));
  expect(await findStaleGuests(REPOSITORY, GUESTS, lock)).toEqual([]);
  expect(Object.keys(lock).sort()).toEqual(GUESTS.map(({ name }) => name).sort());
});

test("committed guests: none has a folder of the machine that built it inside", async () => {
  for (const { wasm } of GUESTS) {
    const bytes = await readFile(join(REPOSITORY, wasm), "latin1");
    expect(bytes.match(/\/(root|home|Users|work)\/[\w.-]+\/[\w.-]+/)?.[0], wasm).toBeUndefined();
  }
});

test("findStaleGuests: names no guest that is as it was built", async () => {
  expect(await findStaleGuests(root, [GUEST], await lockAsBuilt())).toEqual([]);
});

test.each([
  ["a changed source file", "hello/guest/src/main.go", "hello/guest changed since hello/hello.wasm was built"],
  ["a new source file", "hello/guest/src/other.go", "hello/guest changed since hello/hello.wasm was built"],
  ["another wasm", "hello/hello.wasm", "hello/hello.wasm is not the one that was built from its source"],
])("findStaleGuests: says what is wrong after %s", async (_, file, expected) => {
  const lock = await lockAsBuilt();
  await writeFile(join(root, file), "changed");
  expect(await findStaleGuests(root, [GUEST], lock)).toEqual([`hello: ${expected}`]);
});

test("findStaleGuests: ignores what a compiler leaves in target/", async () => {
  const lock = await lockAsBuilt();
  await mkdir(join(root, GUEST.source, "target"));
  await writeFile(join(root, GUEST.source, "target/cache"), "x");
  expect(await findStaleGuests(root, [GUEST], lock)).toEqual([]);
});

test("findStaleGuests: names a guest that is missing, and one that the lock does not know", async () => {
  const lock = await lockAsBuilt();
  await rm(join(root, GUEST.wasm));
  const unknown = { ...GUEST, name: "other" };
  expect(await findStaleGuests(root, [GUEST, unknown], lock)).toEqual([
    "hello: hello/guest or hello/hello.wasm is missing",
    "other: was never built into the lock",
  ]);
});

test("writeLock: is read back as it was, sorted by name; a missing lock is empty", async () => {
  const file = join(root, "lock.json");
  expect(await readLock(file)).toEqual({});
  const entry = { source: "a", wasm: "b", builtWith: "c" };
  await writeLock(file, { zebra: entry, ant: entry });
  expect(Object.keys(await readLock(file))).toEqual(["ant", "zebra"]);
});
