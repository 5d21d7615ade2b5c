import { LEFT_OUT_PACKAGES } from "./contents.ts";

/** What package-lock.json says of one package. */
export interface LockedPackage {
  version?: string;
  integrity?: string;
  dependencies?: Readonly<Record<string, string>>;
}

/** The `packages` of a package-lock.json: folders, as `node_modules/pino`, and what is in them; "" is the root. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/**
 * Returns the folders of the packages that the root needs to run, sorted. Optional dependencies are not followed: Node.js
 * itself is the only one that is needed, and it is not loaded from there.
 */
export function productionFolders(packages: LockedPackages): string[] {
  const found = new Set<string>();
  const open = [""];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const name of Object.keys(packages[folder]?.dependencies ?? {})) {
      if (name in LEFT_OUT_PACKAGES) continue;
      const target = resolveFolder(packages, folder, name);
      if (target === undefined || found.has(target)) continue;
      found.add(target);
      open.push(target);
    }
  }
  return [...found].sort();
}

/** Returns the folder that Node.js finds `name` in from `folder`: the nearest one up. */
function resolveFolder(packages: LockedPackages, folder: string, name: string): string | undefined {
  for (let from = folder; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
    const candidate = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
    if (candidate in packages) return candidate;
    if (from === "") return undefined;
  }
}
