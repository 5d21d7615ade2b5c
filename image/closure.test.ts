import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { closeOver } from "./closure.ts";

const LIB = "usr/lib/x86_64-linux-gnu";

/** A library that is linked against others: two segments, the list, and the names. */
function linkedAgainst(...names: readonly string[]): Buffer {
  const tags = 0x40 + 2 * 56;
  const strings = tags + (names.length + 2) * 16;
  const file = Buffer.alloc(strings + 1 + names.join("\0").length + 1);
  file.write("\u007fELF\u0002\u0001", "latin1");
  const write64 = (at: number, ...values: readonly number[]): void =>
    values.forEach((value, index) => void file.writeBigUInt64LE(BigInt(value), at + index * 8));
  write64(0x20, 0x40);
  file.writeUInt16LE(56, 0x36);
  file.writeUInt16LE(2, 0x38);
  // Loaded elsewhere than where it lies in the file, as libraries are.
  const shift = 0x1000;
  write64(0x40, 1, 0, shift, shift, file.length);
  write64(0x40 + 56, 2, tags, shift + tags, shift + tags, strings - tags);
  let offset = 1;
  const needed = names.flatMap((name) => {
    const pair = [1, offset];
    offset += name.length + 1;
    return pair;
  });
  write64(tags, ...needed, 5, shift + strings, 0, 0);
  file.write(names.join("\0"), strings + 1, "latin1");
  return file;
}

/** Writes files, and links where text says what they lead to; returns where they are. */
async function writeFiles(contents: Readonly<Record<string, Buffer | string>>): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "wasmlet-closure-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await (typeof content === "string" ? symlink(content, join(folder, path)) : writeFile(join(folder, path), content));
  }
  return new Map(Object.keys(contents).map((path) => [path, join(folder, path)]));
}

test("closure: has what links lead to, and libraries of libraries, but nothing else", async () => {
  const files = await writeFiles({
    "usr/bin/program": linkedAgainst("libone.so.1", "libtwo.so.2"),
    [`${LIB}/libone.so.1`]: "libone.so.1.5",
    [`${LIB}/libone.so.1.5`]: linkedAgainst("libtwo.so.2"),
    "lib/x86_64-linux-gnu/libtwo.so.2": linkedAgainst("libone.so.1"),
    [`${LIB}/libunused.so.1`]: linkedAgainst("libone.so.1"),
    [`${LIB}/plugins/libone.so.1`]: linkedAgainst("libnowhere.so.1"),
    "usr/share/bios.bin": "/usr/share/rom/qboot.rom",
    "usr/share/rom/qboot.rom": Buffer.from("firmware"),
  });
  expect([...(await closeOver(["usr/bin/program", "usr/share/bios.bin"], files))].sort()).toEqual([
    "lib/x86_64-linux-gnu/libtwo.so.2",
    "usr/bin/program",
    `${LIB}/libone.so.1`,
    `${LIB}/libone.so.1.5`,
    "usr/share/bios.bin",
    "usr/share/rom/qboot.rom",
  ]);
});

test("closure: says which library is missing, and what needs it", async () => {
  const files = await writeFiles({ "usr/bin/program": linkedAgainst("libone.so.1") });
  await expect(closeOver(["usr/bin/program"], files)).rejects.toThrow(
    "expected libone.so.1, which usr/bin/program needs, in one of Debian's packages",
  );
  await expect(closeOver(["usr/bin/other"], files)).rejects.toThrow("expected usr/bin/other, which the image needs");
});
