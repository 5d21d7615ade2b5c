import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * A container as an OCI runtime starts it: a folder with its files and its configuration.
 * https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */

/** Writes a bundle whose root holds the binary alone, and which has the host's network: less work than a pod's. */
export function writeBundle(folder: string, binary: string, port: number): void {
  const root = join(folder, "rootfs");
  mkdirSync(root, { recursive: true });
  copyFileSync(binary, join(root, "program"));
  chmodSync(join(root, "program"), 0o755);
  for (const mountPoint of ["proc", "dev"]) mkdirSync(join(root, mountPoint), { recursive: true });
  writeConfig(folder, port);
}

/** Writes a bundle's configuration anew. */
export function writeConfig(folder: string, port: number): void {
  const config = {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 65_532, gid: 65_532 },
      args: ["/program"],
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
