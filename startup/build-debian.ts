import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";
import { messageOf } from "../common/errors.ts";
import { readConfig } from "../config/config.ts";
import { debianFilesIn, hashProgram, type BuiltDebian, type DebianFiles } from "./debian-files.ts";
import { findProgram, requireRoot, runToEnd } from "./processes.ts";
import { requireBinary } from "./program.ts";

/*
 * A virtual machine as people have it: Debian, installed from its packages as its installer does, with its kernel, its initramfs
 * and systemd, which starts the program as a service.
 */

const HELP = `Usage: npm run startup:debian

Installs Debian from its packages into the disk of a virtual machine, in Wasmlet's cache, where \`wasmlet bench startup\` finds it.
It needs root, mmdebstrap and mke2fs (on Debian: apt-get install mmdebstrap e2fsprogs), and takes half a minute.
`;

const SUITE = "bookworm";
/** Beside what every Debian has: what a machine needs that a container has not. */
const PACKAGES = ["systemd-sysv", "udev", "dbus", "initramfs-tools", "zstd", "linux-image-cloud-amd64"];
const DISK_SIZE = "1G";
const TIMEOUT_MS = 15 * 60_000;
const FILES = fileURLToPath(new URL("debian/", import.meta.url));

if (process.argv.includes("--help") || process.argv.includes("-h")) process.stdout.write(HELP);
else {
  await buildDebian().catch((thrown: unknown) => {
    process.stderr.write(`error: Debian could not be built: ${messageOf(thrown)}\n`);
    process.exitCode = 1;
  });
}

async function buildDebian(): Promise<void> {
  const { cacheDirectory, searchPath } = readConfig();
  const folder = join(cacheDirectory, "startup-debian");
  const binary = requireBinary();
  if (isBuilt(folder, binary)) {
    process.stdout.write(`${folder} is there already\n`);
    return;
  }
  requireRoot("building it");
  const install = findProgram("mmdebstrap", "on Debian: apt-get install mmdebstrap", searchPath);
  const format = findProgram("mke2fs", "on Debian: apt-get install e2fsprogs", searchPath);
  const temporary = `${folder}.${process.pid}`;
  const root = join(temporary, "root");
  const files = debianFilesIn(temporary);
  mkdirSync(temporary, { recursive: true });
  try {
    process.stderr.write(`installing Debian ${SUITE}\n`);
    await runToEnd(install, [...installOptions(binary), SUITE, root], TIMEOUT_MS);
    process.stderr.write("making its disk\n");
    await runToEnd(format, ["-q", "-t", "ext4", "-d", root, files.disk, DISK_SIZE], TIMEOUT_MS);
    await finish(root, files, hashProgram(binary));
    rmSync(root, { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  process.stdout.write(`${folder}\n`);
}

function isBuilt(folder: string, binary: string): boolean {
  const { record } = debianFilesIn(folder);
  if (!existsSync(record)) return false;
  return (JSON.parse(readFileSync(record, "utf8")) as BuiltDebian).programHash === hashProgram(binary);
}

/** Hooks are run by a shell, with the root as its first argument: before the packages are installed, and after it. */
function installOptions(binary: string): string[] {
  const after = [
    put(binary, 755, "/usr/local/bin/startup-program"),
    put(join(FILES, "startup-program.service"), 644, "/etc/systemd/system/startup-program.service"),
    put(join(FILES, "dhcp.network"), 644, "/etc/systemd/network/80-dhcp.network"),
    'echo "/dev/vda / ext4 defaults 0 1" >"$1/etc/fstab"',
    'echo startup >"$1/etc/hostname"',
    'chroot "$1" systemctl --quiet enable systemd-networkd.service startup-program.service',
    // As after its first boot: that one does more.
    'chroot "$1" systemd-machine-id-setup',
    'touch "$1/etc/.updated" "$1/var/.updated"',
  ];
  return [
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    "--quiet",
    `--include=${PACKAGES.join(",")}`,
    `--essential-hook=${put(join(FILES, "booted"), 755, "/etc/initramfs-tools/scripts/init-top/booted")}`,
    ...after.map((command) => `--customize-hook=${command}`),
  ];
}

/** Returns the command that puts a file into the root. */
function put(source: string, mode: number, path: string): string {
  return `install -D -m ${mode} '${source}' "$1${path}"`;
}

/** Takes out what QEMU boots by itself, and writes down what was built. */
async function finish(root: string, files: DebianFiles, programHash: string): Promise<void> {
  const boot = join(root, "boot");
  const named = (prefix: string): string =>
    join(boot, readdirSync(boot).find((name) => name.startsWith(prefix)) ?? prefix);
  await copyFile(named("vmlinuz-"), files.kernel);
  await copyFile(named("initrd.img-"), files.initramfs);
  const release = readFileSync(join(root, "usr/lib/os-release"), "utf8");
  const system = /^PRETTY_NAME="(.+)"$/m.exec(release)?.[1] ?? "Debian";
  const built: BuiltDebian = { system, programHash, pullBytes: await compressedBytes(files.disk) };
  writeFileSync(files.record, `${JSON.stringify(built)}\n`);
}

async function compressedBytes(file: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of createReadStream(file).pipe(createGzip())) bytes += (chunk as Buffer).length;
  return bytes;
}
