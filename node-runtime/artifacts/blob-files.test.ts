import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../../oci/digest.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { BlobFiles } from "./blob-files.ts";

const root = mkdtempSync(join(tmpdir(), "wasmlet-blobs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const BYTES = Buffer.from("0123456789".repeat(100_000));
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };

function makeBlobs(): { store: ArtifactStore; blobs: BlobFiles; temporaries: () => string[] } {
  const folder = mkdtempSync(join(root, "store-"));
  const store = new ArtifactStore(folder);
  return { store, blobs: new BlobFiles(store), temporaries: () => readdirSync(join(folder, "partial")) };
}

async function* chunks(fails = false): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < BYTES.length; offset += 64_000) {
    if (fails && offset > BYTES.length / 2) throw new Error("broken off");
    yield await Promise.resolve(BYTES.subarray(offset, offset + 64_000));
  }
}

async function read(blobs: BlobFiles): Promise<Buffer | undefined> {
  const bytes = await blobs.open(BLOB);
  return bytes === undefined ? undefined : buffer(bytes);
}

test("BlobFiles: what was written is there, and counted", async () => {
  const { store, blobs, temporaries } = makeBlobs();
  expect(await read(blobs)).toBeUndefined();
  await blobs.write(BLOB, chunks());
  expect(await read(blobs)).toEqual(BYTES);
  expect([store.bytes, temporaries()]).toEqual([BYTES.length, []]);
});

test("BlobFiles: what ends with an error leaves nothing, and says what the bytes said", async () => {
  const { blobs, temporaries } = makeBlobs();
  await expect(blobs.write(BLOB, chunks(true))).rejects.toThrow("broken off");
  expect([await read(blobs), temporaries()]).toEqual([undefined, []]);
});

test("BlobFiles: a file that is not what its name says is removed, and can be written again", async () => {
  const { store, blobs } = makeBlobs();
  for (const damaged of [Buffer.alloc(BYTES.length), BYTES.subarray(1), Buffer.alloc(0)]) {
    await blobs.write(BLOB, chunks());
    const file = store.blobFile(BLOB.digest);
    writeFileSync(file, damaged);
    utimesSync(file, 1, 1);
    expect(await read(blobs)).toBeUndefined();
    expect(existsSync(file)).toBe(false);
  }
  await blobs.write(BLOB, chunks());
  expect(await read(new BlobFiles(store))).toEqual(BYTES);
});

test("BlobFiles: twins that are written at once leave one whole file", async () => {
  const { store, blobs } = makeBlobs();
  await Promise.all([blobs.write(BLOB, chunks()), blobs.write(BLOB, chunks()), blobs.write(BLOB, chunks())]);
  expect(await read(blobs)).toEqual(BYTES);
  expect(store.bytes).toBe(BYTES.length);
});

test("BlobFiles: a folder that cannot be written is RUNTIME_CACHE", async () => {
  const { store, blobs } = makeBlobs();
  rmSync(join(store.blobFile(BLOB.digest), "..", "..", "partial"), { recursive: true });
  await expect(blobs.write(BLOB, chunks())).rejects.toHaveProperty("code", "RUNTIME_CACHE");
});
