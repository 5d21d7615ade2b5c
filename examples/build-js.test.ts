import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildJsGuest } from "./build-js.ts";
import { JS_GUEST, REPOSITORY } from "./guest-catalog.ts";

const SOURCE = join(REPOSITORY, JS_GUEST.source);
const COMPONENT_PREAMBLE = Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
const BUILD_TIMEOUT_MS = 120_000;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "build-js-"));
});

afterEach(() => rm(folder, { recursive: true }));

test(
  "buildJsGuest: makes a component, and leaves it untouched when it is the one already there",
  async () => {
    const out = join(folder, "hello.wasm");
    await buildJsGuest(SOURCE, out);
    expect((await readFile(out)).subarray(0, 8)).toEqual(COMPONENT_PREAMBLE);

    await utimes(out, 1, 1);
    expect(await buildJsGuest(SOURCE, out)).toEqual({ file: out, reused: true });
    expect((await stat(out)).mtimeMs).toBe(1000);

    await writeFile(out, "something else");
    await buildJsGuest(SOURCE, out);
    expect((await readFile(out)).subarray(0, 8)).toEqual(COMPONENT_PREAMBLE);
  },
  BUILD_TIMEOUT_MS,
);

test(
  "buildJsGuest: a source that cannot be parsed is GUEST_BUILD_FAILED, names the file and leaves nothing",
  async () => {
    const source = join(folder, "broken.js");
    const out = join(folder, "broken.wasm");
    await writeFile(source, "addEventListener(");
    const failure = expect.objectContaining({
      code: "GUEST_BUILD_FAILED",
      details: expect.objectContaining({ where: source }),
    });
    await expect(buildJsGuest(source, out)).rejects.toEqual(failure);
    await expect(stat(out)).rejects.toThrow("ENOENT");
  },
  BUILD_TIMEOUT_MS,
);
