import { expect, test } from "vitest";
import { buildInitramfs } from "./initramfs.ts";

interface Entry {
  name: string;
  mode: number;
  device: number[];
  bytes: string;
}

/** Reads an archive as the kernel does: thirteen numbers in hexadecimal, the name, the bytes, each padded to four. */
function read(archive: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < archive.length;) {
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number): number =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = archive.toString("latin1", at + 110, at + 110 + nameSize - 1);
    const data = at + Math.ceil((110 + nameSize) / 4) * 4;
    entries.push({ name, mode, device: [field(9), field(10)], bytes: archive.toString("latin1", data, data + size) });
    at = data + Math.ceil(size / 4) * 4;
  }
  return entries;
}

test("initramfs: has files and their folders before them, a console, and an end", () => {
  const entries = read(buildInitramfs({ init: Buffer.from("init"), "modules/0-a.ko": Buffer.from("odd") }));
  expect(entries.map(({ name }) => name)).toEqual([
    "modules",
    "dev",
    "proc",
    "dev/console",
    "init",
    "modules/0-a.ko",
    "TRAILER!!!",
  ]);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  expect(byName.get("dev/console")).toMatchObject({ mode: 0o20600, device: [5, 1] });
  expect(byName.get("init")).toMatchObject({ mode: 0o100755, bytes: "init" });
  expect(byName.get("modules/0-a.ko")?.bytes).toBe("odd");
  expect(byName.get("modules")?.mode).toBe(0o40755);
});
