import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Unavailable } from "../driver.ts";
import { findKernel } from "./kernel.ts";

let root: string;

beforeEach(() => (root = mkdtempSync(join(tmpdir(), "kernel-"))));
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string | Uint8Array = ""): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, "latin1");
}

function module(name: string, depends: string): void {
  write(`lib/modules/6.10.0/kernel/${name}.ko`, moduleText(name, depends));
}

function moduleText(name: string, depends: string): string {
  return `\u007fELF\0license=GPL\0depends=${depends}\0name=${name}\0`;
}

test("kernel: the newest one, and its modules in the order in which they need each other", () => {
  write("boot/vmlinuz-6.9.0");
  write("boot/vmlinuz-6.10.0");
  module("virtio_net", "net_failover,virtio");
  module("virtio", "virtio_ring");
  module("virtio_ring", "");
  module("net_failover", "failover");
  module("failover", "");
  module("virtio_mmio", "virtio_ring,virtio");
  module("other", "");
  const { image, modules } = findKernel(["/nowhere", root]);
  expect(image).toBe(join(root, "boot/vmlinuz-6.10.0"));
  expect(modules.map(({ name }) => name)).toEqual([
    "virtio_ring",
    "virtio",
    "virtio_mmio",
    "failover",
    "net_failover",
    "virtio_net",
  ]);
});

test("kernel: modules that are not there are built in", () => {
  write("boot/vmlinuz-6.10.0");
  expect(findKernel([root]).modules).toEqual([]);
});

test("kernel: modules that are compressed with gzip and zstd", () => {
  write("boot/vmlinuz-6.10.0");
  write("lib/modules/6.10.0/net/virtio_net.ko.gz", gzipSync(moduleText("virtio_net", "failover")));
  write("lib/modules/6.10.0/net/failover.ko.zst", zstdCompressSync(moduleText("failover", "")));
  expect(findKernel([root]).modules.map(({ name, bytes }) => [name, String(bytes)])).toEqual([
    ["failover", moduleText("failover", "")],
    ["virtio_net", moduleText("virtio_net", "failover")],
  ]);
});

test("kernel: modules that Node.js cannot read are told of with what to do", () => {
  write("boot/vmlinuz-6.10.0");
  write("lib/modules/6.10.0/net/virtio_net.ko.xz", "\u00fd7zXZ");
  expect(() => findKernel([root])).toThrow(Unavailable);
  expect(() => findKernel([root])).toThrow("-name '*.ko.xz' -exec unxz {} +");
});

test("kernel: where there is none, the error says how to get one", () => {
  expect(() => findKernel([root])).toThrow(Unavailable);
  expect(() => findKernel([root])).toThrow("npm run startup:kernel");
});
