import { copyFile, lstat, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Copies the files below `from` that `isWanted` says yes to, by their paths from there; links stay links. */
export async function copyFiles(from: string, to: string, isWanted: (path: string) => boolean): Promise<void> {
  for (const path of await listFiles(from, isWanted)) {
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true });
    const source = join(from, path);
    if ((await lstat(source)).isSymbolicLink()) await symlink(await readlink(source), target);
    else await copyFile(source, target);
  }
}

/** Returns the paths of files and links below a folder, sorted. Folders that `isWanted` refuses are not entered, nor is node_modules. */
export async function listFiles(folder: string, isWanted: (path: string) => boolean, inner = ""): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, inner), { withFileTypes: true })) {
    const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules") found.push(...(await listFiles(folder, isWanted, path)));
    } else if (isWanted(path)) found.push(path);
  }
  return found.sort();
}

/** Copies a folder or a single file of `root`, keeping its path, as far as `isWanted` says yes; does nothing where it is missing. */
export async function copyPart(
  root: string,
  part: string,
  to: string,
  isWanted: (path: string) => boolean,
): Promise<void> {
  const stats = await stat(join(root, part)).catch(() => undefined);
  if (stats?.isDirectory() === true) {
    return await copyFiles(join(root, part), join(to, part), (path) => isWanted(`${part}/${path}`));
  }
  if (stats === undefined) return;
  await mkdir(dirname(join(to, part)), { recursive: true });
  await copyFile(join(root, part), join(to, part));
}
