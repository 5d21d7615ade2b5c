/*
 * The first file system of a virtual machine, as a cpio archive in the format `newc`.
 * https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
 */

const FOLDER = 0o40755;
const FILE = 0o100755;
const CHARACTER_DEVICE = 0o20600;
const CONSOLE = [5, 1] as const;

/** Returns an archive with these files, by their paths without a slash in front; their folders are made, and `/dev/console`. */
export function buildInitramfs(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const add = (
    name: string,
    mode: number,
    bytes: Uint8Array = new Uint8Array(),
    device: readonly number[] = [0, 0],
  ): void => {
    const inode = parts.length + 1;
    const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, ...device, name.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
    parts.push(padded(Buffer.from(header)), padded(Buffer.from(bytes)));
  };
  for (const folder of foldersOf([...Object.keys(files), "dev/console", "proc/x"])) add(folder, FOLDER);
  add("dev/console", CHARACTER_DEVICE, undefined, CONSOLE);
  for (const [name, bytes] of Object.entries(files)) add(name, FILE, bytes);
  add("TRAILER!!!", 0);
  return Buffer.concat(parts);
}

/** Returns the folders that paths are in, outer ones first. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.flatMap((path) => {
    const names = path.split("/").slice(0, -1);
    return names.map((_, index) => names.slice(0, index + 1).join("/"));
  });
  return [...new Set(folders)];
}

/** Everything begins at a multiple of four. */
function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
