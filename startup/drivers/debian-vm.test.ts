import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { debianFilesIn, type BuiltDebian } from "../debian-files.ts";
import { openDebianVm } from "./debian-vm.ts";

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("virtual machine with Debian", () => {
  const { signal } = new AbortController();
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "debian-vm-"));
    writeFileSync(join(folder, "qemu-system-x86_64"), "", { mode: 0o755 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is unavailable without QEMU", async () => {
    await expect(openDebianVm(folder, "/nowhere", signal)).rejects.toThrow(
      expect.objectContaining({ name: "Unavailable", message: expect.stringContaining("qemu-system-x86") }),
    );
  });

  test("is unavailable until it is built, and the reason says how", async () => {
    await expect(openDebianVm(folder, folder, signal)).rejects.toThrow(
      expect.objectContaining({ name: "Unavailable", message: expect.stringContaining("npm run startup:debian") }),
    );
  });

  test("is unavailable when it was built with another program", async () => {
    const built: BuiltDebian = { system: "Debian", programHash: "0".repeat(64), pullBytes: 1 };
    writeFileSync(debianFilesIn(folder).record, JSON.stringify(built));
    await expect(openDebianVm(folder, folder, signal)).rejects.toThrow(
      "the disk with Debian has another program: npm run startup:debian builds it anew",
    );
  });
});
