import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Sizes } from "../driver.ts";

/*
 * A container as an OCI runtime starts it: a folder with its files and its configuration.
 * https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */

/** What a bundle holds, and how it is started. */
export interface BundleContent {
  /** Where files are copied from, by their paths in the container. */
  files: Readonly<Record<string, string>>;
  args: readonly string[];
}

/** Writes a bundle that holds its content alone, and which has the host's network: less work than a pod's. */
export function writeBundle(folder: string, { files, args }: BundleContent, port: number): void {
  const root = join(folder, "rootfs");
  for (const mountPoint of ["proc", "dev"]) mkdirSync(join(root, mountPoint), { recursive: true });
  for (const [path, source] of Object.entries(files)) {
    const copy = join(root, path);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(source, copy);
    chmodSync(copy, 0o755);
  }
  writeConfig(folder, args, port);
}

/** Returns what a bundle's files take: compressed, as a registry has them, and unpacked. */
export async function sizesOf({ files }: BundleContent): Promise<Sizes> {
  const sources = Object.values(files);
  const compressed = await promisify(gzip)(Buffer.concat(sources.map((source) => readFileSync(source))));
  const diskBytes = sources.reduce((sum, source) => sum + statSync(source).size, 0);
  return { pullBytes: compressed.length, diskBytes };
}

/** Writes a bundle's configuration anew. */
export function writeConfig(folder: string, args: readonly string[], port: number): void {
  const config = {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 65_532, gid: 65_532 },
      args,
      env: [`PORT=${port}`],
      cwd: "/",
      capabilities: {},
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}
