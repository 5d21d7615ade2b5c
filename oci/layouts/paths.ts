/*
 * Paths in archives and images are plain when they are relative, without `.`, `..`, empty segments and what ends or
 * confuses a path on some system. Nothing else is ever joined to a folder.
 */

const MAX_PATH_LENGTH = 4096;

/** Returns a path from the root without what does not matter (`./a//b` is `a/b`), or undefined where it leads out. */
export function plainPath(path: string, base = ""): string | undefined {
  const full = path.startsWith("/") ? path : `${base}/${path}`;
  if (full.length > MAX_PATH_LENGTH || /[\0\\]/.test(full)) return undefined;
  const segments = full.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.includes("..") ? undefined : segments.join("/");
}

/** Returns the folders that a plain path lies in, the outermost first. */
export function foldersOf(path: string): string[] {
  const segments = path.split("/").slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join("/"));
}
