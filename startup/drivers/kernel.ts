import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { Unavailable } from "../driver.ts";

/*
 * The kernel of a virtual machine: one that a Linux distribution builds, with the modules that it needs to have a network.
 */

/** The module that the network needs last; the others are those that it depends on. */
const NEEDED = ["virtio_mmio", "virtio_net"];

/** A kernel and its modules. */
export interface Kernel {
  image: string;
  /** Modules in the order in which they are to be loaded; a kernel may have them built in. */
  modules: readonly { name: string; bytes: Buffer }[];
}

/**
 * Finds a kernel below a root folder, where Debian's packages put them (`boot/vmlinuz-VERSION`, `lib/modules/VERSION`): the
 * newest of the first root that has one. Throws Unavailable where none has.
 */
export function findKernel(roots: readonly string[]): Kernel {
  for (const root of roots) {
    const boot = join(root, "boot");
    const images = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith("vmlinuz-")) : [];
    const newest = images.toSorted(new Intl.Collator("en", { numeric: true }).compare).at(-1);
    if (newest === undefined) continue;
    const version = newest.slice("vmlinuz-".length);
    const folders = ["lib/modules", "usr/lib/modules"].map((folder) => join(root, folder, version));
    return { image: join(boot, newest), modules: findModules(folders.find((folder) => existsSync(folder))) };
  }
  const advice = "npm run startup:kernel fetches Debian's; or name a folder with boot/vmlinuz-* by --kernel-root";
  throw new Unavailable(`no kernel in ${roots.join(", ")}: ${advice}`);
}

/** Returns the needed modules and those that they depend on, these first; none where the kernel has no modules. */
function findModules(folder: string | undefined): Kernel["modules"] {
  if (folder === undefined) return [];
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const name = /^(.+)\.ko(\.\w+)?$/.exec(entry.name)?.[1];
    if (entry.isFile() && name !== undefined) files.set(name, join(entry.parentPath, entry.name));
  }
  const loaded = new Map<string, Buffer>();
  const load = (name: string): void => {
    const file = files.get(name);
    // One that is not there is built in.
    if (file === undefined || loaded.has(name)) return;
    const bytes = readModule(file);
    for (const dependency of dependenciesOf(bytes)) load(dependency);
    loaded.set(name, bytes);
  };
  for (const name of NEEDED) load(name);
  return [...loaded].map(([name, bytes]) => ({ name, bytes }));
}

/** Returns a module as the kernel loads it. Throws Unavailable where it is compressed by what Node.js does not know. */
function readModule(file: string): Buffer {
  const bytes = readFileSync(file);
  const compression = extname(file);
  if (compression === ".ko") return bytes;
  if (compression === ".gz") return gunzipSync(bytes);
  if (compression === ".zst") return zstdDecompressSync(bytes);
  const advice =
    compression === ".xz"
      ? "copy boot/ and lib/modules/ to a folder, run find FOLDER -name '*.ko.xz' -exec unxz {} +, and name it by --kernel-root"
      : "name a folder with another kernel by --kernel-root";
  throw new Unavailable(
    `${file} is compressed as Node.js cannot read it: ${advice}; npm run startup:kernel fetches Debian's`,
  );
}

/** A module says in itself what it depends on: `depends=one,two` in its section `.modinfo`. */
function dependenciesOf(module: Buffer): string[] {
  const text = /\0depends=([^\0]*)\0/.exec(module.toString("latin1"))?.[1] ?? "";
  return text.split(",").filter((name) => name !== "");
}
