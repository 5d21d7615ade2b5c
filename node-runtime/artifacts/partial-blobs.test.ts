import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ArtifactStore } from "./artifact-store.ts";
import { PartialBlobs } from "./partial-blobs.ts";

const root = mkdtempSync(join(tmpdir(), "wasmlet-partial-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A process id that no system gives out. */
const NO_PROCESS = 4_294_967_295;
const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;

function leave(folder: string, content: string, { pid = NO_PROCESS, digest = DIGEST, id = 0 } = {}): string {
  const unique = `00000000-0000-4000-8000-${String(id).padStart(12, "0")}`;
  const path = join(folder, `${pid}-${unique}.${digest.replace(":", "-")}`);
  writeFileSync(path, content);
  return path;
}

test("PartialBlobs: the most that a crash left is taken, once, and the rest of it goes", () => {
  const folder = mkdtempSync(join(root, "p-"));
  const partials = new PartialBlobs(folder);
  leave(folder, "some", { id: 1 });
  leave(folder, "a bit more", { id: 2 });
  const others = [leave(folder, "other", { digest: OTHER }), leave(folder, "at work", { pid: process.pid, id: 3 })];
  const claimed = partials.claim(DIGEST) ?? "";
  expect(readFileSync(claimed, "utf8")).toBe("a bit more");
  expect(readdirSync(folder)).toHaveLength(3);
  expect(others.every((path) => existsSync(path))).toBe(true);
  expect([partials.claim(DIGEST), new PartialBlobs(folder).claim(DIGEST)]).toEqual([undefined, undefined]);
});

test("PartialBlobs: a sweep removes what is old and leaves what can be taken up", () => {
  const folder = mkdtempSync(join(root, "p-"));
  const [old, fresh] = [leave(folder, "old", { id: 1 }), leave(folder, "fresh", { id: 2 })];
  utimesSync(old, 1, 1);
  expect(new PartialBlobs(folder).sweep()).toBe(1);
  expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
});

test("ArtifactStore: what crashes left counts, and goes first when it is the oldest of a full store", () => {
  const folder = mkdtempSync(join(root, "store-"));
  const store = new ArtifactStore(folder, { maxBytes: 1000 });
  const left = leave(join(folder, "partial"), "x".repeat(600));
  const atWork = leave(join(folder, "partial"), "x".repeat(600), { pid: process.pid });
  for (const path of [left, atWork]) utimesSync(path, 1, 1);
  expect(store.bytes).toBe(600);
  const digest = store.putBlob(new Uint8Array(500));
  expect([existsSync(left), existsSync(atWork), existsSync(store.blobFile(digest))]).toEqual([false, true, true]);
});
