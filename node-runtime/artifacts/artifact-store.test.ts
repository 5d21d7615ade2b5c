import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { ArtifactStore, type StoreOptions } from "./artifact-store.ts";
import { DigestsInUse } from "./digests-in-use.ts";
import { chooseEvictions } from "./store-entries.ts";

/** A process id that no system gives out. */
const NO_PROCESS = 4_294_967_295;
const KIB = 1024;

const folders: string[] = [];

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "wasmlet-store-"));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A store of 10 KiB whose clock goes on by a second at each look, and its evictions. */
function makeStore(folder: string, options: StoreOptions = {}): { store: ArtifactStore; evicted: () => number } {
  let evicted = 0;
  let seconds = 2_000_000_000;
  const store = new ArtifactStore(folder, {
    maxBytes: 10 * KIB,
    onEvicted: (count) => (evicted += count),
    now: () => new Date(seconds++ * 1000),
    ...options,
  });
  return { store, evicted: () => evicted };
}

const artifact = (fill: number, kib = 4): Uint8Array => new Uint8Array(kib * KIB).fill(fill);

/** Puts a folder of files where a preparer's result lies; says how it would be published. */
function publish(store: ArtifactStore, digest: string, kib: number): void {
  const temporary = store.makeTemporary();
  mkdirSync(temporary);
  writeFileSync(join(temporary, "core-0.wasm"), artifact(0, kib));
  store.publishPrepared(temporary, digest);
}

const has = (store: ArtifactStore, digest: string): boolean => existsSync(store.blobFile(digest));

test("ArtifactStore: what was used last stays when it is full", () => {
  const folder = makeFolder();
  const { store, evicted } = makeStore(folder);
  const [first, second] = [store.putBlob(artifact(1)), store.putBlob(artifact(2))];
  store.putBlob(artifact(1)); // used again
  const third = store.putBlob(artifact(3));
  expect([first, second, third].map((digest) => has(store, digest))).toEqual([true, false, true]);
  expect(evicted()).toBe(1);
  expect(store.bytes).toBe(8 * KIB);
});

test("ArtifactStore: what is held stays however old, with what was prepared of it; released, it goes", () => {
  const { store, evicted } = makeStore(makeFolder());
  const { digest, release } = store.hold(artifact(1));
  publish(store, digest, 8);
  expect(store.bytes).toBe(12 * KIB);
  const other = store.putBlob(artifact(2));
  expect([has(store, digest), existsSync(store.preparedDirectory(digest)), has(store, other)]).toEqual([
    true,
    true,
    false,
  ]);
  release();
  release();
  store.putBlob(artifact(3));
  expect([has(store, digest), existsSync(store.preparedDirectory(digest))]).toEqual([false, false]);
  expect([evicted(), store.bytes]).toEqual([3, 4 * KIB]);
});

test("ArtifactStore: two holders of one artifact both have to release it", () => {
  const { store } = makeStore(makeFolder());
  const [one, other] = [store.hold(artifact(1)), store.hold(artifact(1))];
  one.release();
  for (const fill of [2, 3, 4]) store.putBlob(artifact(fill));
  expect(has(store, one.digest)).toBe(true);
  other.release();
  for (const fill of [5, 6, 7]) store.putBlob(artifact(fill));
  expect(has(store, one.digest)).toBe(false);
});

test("ArtifactStore: what another living process holds stays; what a dead one held does not", () => {
  const folder = makeFolder();
  const { store } = makeStore(folder);
  // The same folder seen by another store of this process, which is as good as another process.
  const { digest, release } = makeStore(folder).store.hold(artifact(1));
  for (const fill of [2, 3, 4]) store.putBlob(artifact(fill));
  expect(has(store, digest)).toBe(true);
  release();
  writeFileSync(join(folder, "in-use", `${NO_PROCESS}-crashed`), digest);
  for (const fill of [5, 6, 7]) store.putBlob(artifact(fill));
  expect(has(store, digest)).toBe(false);
  expect(readdirSync(join(folder, "in-use"))).toEqual([]);
});

test("ArtifactStore: a store that was filled by others is counted", () => {
  const folder = makeFolder();
  makeStore(folder).store.putBlob(artifact(1));
  const { store } = makeStore(folder);
  expect(store.bytes).toBe(4 * KIB);
  writeFileSync(join(folder, "blobs", "not-an-artifact"), "x");
  expect(makeStore(folder).store.bytes).toBe(4 * KIB);
});

test("ArtifactStore: a blob that cannot be written is RUNTIME_CACHE, and nothing is held", () => {
  const folder = makeFolder();
  const { store } = makeStore(folder);
  rmSync(join(folder, "blobs"), { recursive: true });
  expect(() => store.hold(artifact(1))).toThrow(expect.objectContaining({ code: "RUNTIME_CACHE" }));
  expect(readdirSync(join(folder, "in-use"))).toEqual([]);
});

test("ArtifactStore: the size counts each artifact once", () => {
  const { store } = makeStore(makeFolder());
  const digest = store.putBlob(artifact(1));
  store.putBlob(artifact(1));
  publish(store, digest, 1);
  expect(store.bytes).toBe(5 * KIB);
});

test("ArtifactStore: a sweep removes what dead processes left and what is old, and nothing that is at work", () => {
  const folder = makeFolder();
  const { store } = makeStore(folder);
  const mine = store.makeTemporary();
  const old = store.makeTemporary();
  const temp = join(folder, "temp");
  const [crashed, nameless, oldNameless] = [`${NO_PROCESS}-x`, "nameless", "old-nameless"].map((name) =>
    join(temp, name),
  ) as [string, string, string];
  for (const path of [mine, old]) mkdirSync(path);
  for (const path of [crashed, nameless, oldNameless]) writeFileSync(path, "x");
  for (const path of [old, oldNameless]) utimesSync(path, 1, 1);
  writeFileSync(join(folder, "in-use", `${NO_PROCESS}-x`), "sha256:a");
  expect(store.sweep()).toBe(3);
  expect(readdirSync(join(folder, "in-use"))).toEqual([]);
  expect([mine, old, crashed, nameless, oldNameless].map((path) => existsSync(path))).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
});

test("DigestsInUse: files of dead processes are removed, and names without an owner too", () => {
  const folder = makeFolder();
  const inUse = new DigestsInUse(folder);
  inUse.hold("sha256:a");
  writeFileSync(join(folder, `${NO_PROCESS}-x`), "sha256:b");
  writeFileSync(join(folder, "stray"), "sha256:c");
  expect([...inUse.all()]).toEqual(["sha256:a"]);
  expect(readdirSync(folder)).toHaveLength(1);
});

test("chooseEvictions: fits, spares what is in use, and evicts nothing newer than what it keeps unused", () => {
  const entries = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: 100 }), usedMs: fc.nat(50), digest: fc.constantFrom("a", "b", "c") }),
  );
  fc.assert(
    fc.property(entries, fc.nat(500), fc.subarray(["a", "b", "c"]), (records, maxBytes, used) => {
      const all = records.map((record, index) => ({ ...record, path: String(index) }));
      const inUse = new Set(used);
      const evicted = new Set(chooseEvictions(all, maxBytes, inUse));
      const kept = all.filter((entry) => !evicted.has(entry));
      const unused = kept.filter(({ digest }) => !inUse.has(digest));
      const bytes = kept.reduce((sum, entry) => sum + entry.bytes, 0);
      if (unused.length > 0) expect(bytes).toBeLessThanOrEqual(maxBytes);
      for (const { digest, usedMs } of evicted) {
        expect(inUse.has(digest)).toBe(false);
        for (const entry of unused) expect(usedMs).toBeLessThanOrEqual(entry.usedMs);
      }
      // Not one more than had to go.
      const last = [...evicted].at(-1);
      if (last !== undefined) expect(bytes + last.bytes).toBeGreaterThan(maxBytes);
    }),
  );
});

test.runIf(process.platform === "linux")("artifact store: a folder that cannot be made is an error", () => {
  expect(() => new ArtifactStore("/proc/nowhere/cache")).toThrow(expect.objectContaining({ code: "RUNTIME_CACHE" }));
});
