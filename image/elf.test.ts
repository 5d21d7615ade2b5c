import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { neededLibraries } from "./elf.ts";

const startup = new URL("../startup/", import.meta.url);

test.skipIf(process.platform !== "linux")(
  "needed libraries: of Node.js, are those that it is linked against",
  async () => {
    const needed = neededLibraries(await readFile(process.execPath));
    expect(needed).toEqual(expect.arrayContaining(["libc.so.6", "libm.so.6", "libstdc++.so.6"]));
  },
);

test.each(["program-amd64", "program-arm64", "program.wasm"])("needed libraries: of %s, are none", async (name) => {
  expect(neededLibraries(await readFile(new URL(name, startup)))).toEqual([]);
});

test("needed libraries: of a file for 32 bits, cannot be told", () => {
  expect(() => neededLibraries(Buffer.from("\u007fELF\u0001\u0001"))).toThrow("64 bits");
});
