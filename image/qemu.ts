import { createHash } from "node:crypto";
import { join } from "node:path";
import { findKernel } from "../startup/drivers/kernel.ts";
import { closeOver } from "./closure.ts";
import { DEBIAN_PACKAGES, KERNEL_PACKAGE, QEMU_FILES, QEMU_PACKAGES } from "./contents.ts";
import { copyFiles, listFiles } from "./copy.ts";
import { Apt, recordPackage, type UnpackedPackage } from "./debian.ts";
import type { LayerSource } from "./layers.ts";
import type { Platform } from "./platform.ts";

/*
 * What virtual machines are started with: QEMU with the firmware of its machine `microvm`, and a kernel, where Debian's
 * packages put them. Of these come the files that are opened, the libraries that they are linked against, and licences.
 */

/** Counted up when other files of the same packages are chosen. */
const CHOICE = 1;

/** Debian's packages of libraries are named so. What QEMU depends on besides (sound, screens) is not opened. */
const LIBRARY_PACKAGE = /^(lib|zlib)/;

/** A kernel's package has its version in its name. */
const KERNEL = /^linux-image-\d/;

/** Returns the layer with QEMU and a kernel. Throws for platforms that have no `microvm`. */
export async function planQemu({ architecture }: Platform, cacheFolder: string): Promise<LayerSource> {
  if (architecture !== "amd64") {
    throw new RangeError(
      `expected linux/amd64 with --with-qemu, the only one that QEMU has its microvm for, got linux/${architecture}: ` +
        "leave it out, and the comparison leaves virtual machines out there",
    );
  }
  const apt = new Apt(architecture, cacheFolder);
  const libraries = await apt.findDependencies(QEMU_PACKAGES[0], (name) => LIBRARY_PACKAGE.test(name));
  const qemu = await apt.findPackages([...new Set([...QEMU_PACKAGES, ...DEBIAN_PACKAGES, ...libraries])]);
  const kernels = await apt.findDependencies(KERNEL_PACKAGE, (name) => KERNEL.test(name));
  if (kernels.length === 0) throw new Error(`expected ${KERNEL_PACKAGE} to depend on a kernel, as it does in Debian`);
  const kernel = await apt.findPackages(kernels);
  return {
    name: "qemu",
    key: createHash("sha256")
      .update(JSON.stringify([CHOICE, QEMU_FILES, qemu, kernel]))
      .digest("hex"),
    fill: async (root) => {
      await fillEmulator(await apt.unpack(qemu), root);
      for (const unpacked of await apt.unpack(kernel)) await fillKernel(unpacked, root);
    },
  };
}

async function fillEmulator(packages: readonly UnpackedPackage[], root: string): Promise<void> {
  const files = new Map<string, string>();
  for (const { folder } of packages) {
    for (const path of await listFiles(folder, () => true)) files.set(path, join(folder, path));
  }
  const needed = await closeOver(QEMU_FILES, files);
  const inBase = new Set<string>(DEBIAN_PACKAGES);
  for (const unpacked of packages.filter(({ name }) => !inBase.has(name))) {
    await copyPackage(unpacked, root, (path) => needed.has(path));
  }
}

/** Copies a kernel and the modules that the machine's network needs, which are few of many. */
async function fillKernel(unpacked: UnpackedPackage, root: string): Promise<void> {
  const modules = findKernel([unpacked.folder]).modules.map(({ name }) => `/${name}.ko`);
  const isNeeded = (path: string): boolean =>
    path.startsWith("boot/vmlinuz-") || modules.some((module) => path.endsWith(module));
  await copyPackage(unpacked, root, isNeeded);
}

/** Copies the needed files of a package, with its licence and a record of it; nothing where none is needed. */
async function copyPackage(
  unpacked: UnpackedPackage,
  root: string,
  isNeeded: (path: string) => boolean,
): Promise<void> {
  const needed = await listFiles(unpacked.folder, isNeeded);
  if (needed.length === 0) return;
  const kept = new Set([...needed, `usr/share/doc/${unpacked.name}/copyright`]);
  await copyFiles(unpacked.folder, root, (path) => kept.has(path));
  await recordPackage(unpacked, root);
}
