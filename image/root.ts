import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  APP_FOLDER,
  CACHE_FOLDER,
  DEBIAN_PACKAGES,
  isDebianFile,
  isOwnFile,
  isPackageFile,
  NODE,
  OWN_FILES,
  USER_ID,
} from "./contents.ts";
import { copyFiles, copyPart, listFiles } from "./copy.ts";
import { Apt, recordPackage, type DebianPackage } from "./debian.ts";
import type { LayerSource } from "./layers.ts";
import { type LockedPackages, productionFolders } from "./lockfile.ts";
import type { Platform } from "./platform.ts";
import { planQemu } from "./qemu.ts";

/*
 * The image's files, as folders of which each becomes a layer. What changes seldom comes first.
 *
 *   base      libraries of Debian, Node.js, /etc, /tmp
 *   packages  /opt/wasmlet/node_modules
 *   app       /opt/wasmlet: our sources
 *   qemu      QEMU and a kernel, in the image for comparing starts alone: last, so that the two share the others
 */

const run = promisify(execFile);

/** What layers are made from. */
export interface RootOptions {
  /** The repository, with node_modules. */
  repository: string;
  platform: Platform;
  /** Keeps what was fetched. */
  cacheFolder: string;
  /** Whether virtual machines are to be started from it. */
  withQemu: boolean;
}

const ETC = {
  group: `root:x:0:\nwasmlet:x:${USER_ID}:\n`,
  "nsswitch.conf": "hosts: files dns\n",
  passwd: `root:x:0:0:root:/:/sbin/nologin\nwasmlet:x:${USER_ID}:${USER_ID}:wasmlet:/tmp:/sbin/nologin\n`,
};

/** Returns the layers of the image, from the bottom up. */
export async function planLayers(options: RootOptions): Promise<LayerSource[]> {
  const layers = [await planBase(options), await planPackages(options), await planApp(options)];
  return options.withQemu ? [...layers, await planQemu(options.platform, options.cacheFolder)] : layers;
}

async function planBase({ repository, platform, cacheFolder }: RootOptions): Promise<LayerSource> {
  const lock = await readLock(repository);
  const apt = new Apt(platform.architecture, cacheFolder);
  const debian = await apt.findPackages(DEBIAN_PACKAGES);
  const node = lock[`node_modules/node-linux-${platform.npmCpu}`];
  return {
    name: "base",
    key: keyOf(debian, node, ETC),
    fill: async (folder) => {
      await fillSystem(folder, apt, debian);
      const nodeFolder = await nodePackage(repository, platform, node?.version ?? "", cacheFolder);
      await mkdir(join(folder, dirname(NODE)), { recursive: true });
      await copyFile(join(nodeFolder, "bin/node"), join(folder, NODE));
      await chmod(join(folder, NODE), 0o755);
      await mkdir(join(folder, "usr/share/doc/nodejs"), { recursive: true });
      await copyFile(join(nodeFolder, "LICENSE"), join(folder, "usr/share/doc/nodejs/copyright"));
    },
  };
}

async function fillSystem(folder: string, apt: Apt, debian: readonly DebianPackage[]): Promise<void> {
  for (const unpacked of await apt.unpack(debian)) {
    await copyFiles(unpacked.folder, folder, isDebianFile);
    await recordPackage(unpacked, folder);
  }
  await mkdir(join(folder, "etc"), { recursive: true });
  for (const [name, text] of Object.entries(ETC)) await writeFile(join(folder, "etc", name), text);
  // The packages come from the archive of this machine's release; scanners ask which one it is.
  await copyFile("/etc/os-release", join(folder, "etc/os-release"));
  for (const path of ["tmp", CACHE_FOLDER]) await mkdir(join(folder, path), { recursive: true });
  await chmod(join(folder, "tmp"), 0o1777);
}

/** Returns the folder of the npm package with Node.js: the installed one, or for another architecture a fetched one. */
async function nodePackage(repository: string, platform: Platform, version: string, cache: string): Promise<string> {
  const name = `node-linux-${platform.npmCpu}`;
  const installed = join(repository, "node_modules", name);
  if (existsSync(installed)) return installed;
  const folder = join(cache, `${name}-${version}`);
  if (existsSync(folder)) return join(folder, "package");
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--silent", `${name}@${version}`], { cwd: partial });
  await run("tar", ["-xzf", stdout.trim()], { cwd: partial });
  await rename(partial, folder);
  return join(folder, "package");
}

async function planPackages({ repository }: RootOptions): Promise<LayerSource> {
  const lock = await readLock(repository);
  const folders = productionFolders(lock);
  return {
    name: "packages",
    key: keyOf(
      folders.map((folder) => [folder, lock[folder]?.integrity]),
      await readFile(join(import.meta.dirname, "contents.ts"), "utf8"),
    ),
    fill: async (root) => {
      for (const folder of folders) {
        await copyFiles(join(repository, folder), join(root, APP_FOLDER, folder), isPackageFile);
      }
    },
  };
}

async function planApp({ repository }: RootOptions): Promise<LayerSource> {
  const hash = createHash("sha256");
  for (const part of OWN_FILES) {
    if (!existsSync(join(repository, part))) continue;
    const isFolder = !part.includes(".") && part !== "LICENSE";
    const paths = isFolder ? await listFiles(join(repository, part), (path) => isOwnFile(`${part}/${path}`)) : [""];
    for (const path of paths) hash.update(`${part}/${path}\n`).update(await readFile(join(repository, part, path)));
  }
  return {
    name: "app",
    key: hash.digest("hex"),
    fill: async (root) => {
      for (const part of OWN_FILES) await copyPart(repository, part, join(root, APP_FOLDER), isOwnFile);
    },
  };
}

async function readLock(repository: string): Promise<LockedPackages> {
  const text = await readFile(join(repository, "package-lock.json"), "utf8");
  return (JSON.parse(text) as { packages: LockedPackages }).packages;
}

function keyOf(...parts: unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
