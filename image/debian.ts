import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/*
 * Files from Debian packages, without installing them: apt says which version is current and fetches it, dpkg unpacks
 * it. apt gets a state folder of its own, so that the architecture may be another than the machine's.
 */

const run = promisify(execFile);

/** A Debian package as apt would fetch it. */
export interface DebianPackage {
  name: string;
  file: string;
  /** As apt names it: `SHA256:…`. */
  hash: string;
}

/** A package's files on disk. */
export interface UnpackedPackage {
  name: string;
  folder: string;
  /** What the package says of itself: its version, its licence's holder, what it depends on. */
  control: string;
}

const MAX_LISTED_BYTES = 2 ** 24;
const ONLY_DEPENDS = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(
  (relation) => `--no-${relation}`,
);

/** apt for one architecture. */
export class Apt {
  readonly #folder: string;
  readonly #options: string[];

  constructor(architecture: string, cacheFolder: string) {
    this.#folder = join(cacheFolder, "apt", architecture);
    this.#options = [
      ["APT::Architecture", architecture],
      ["APT::Architectures", architecture],
      ["APT::Sandbox::User", "root"],
      ["Dir::State::lists", join(this.#folder, "lists")],
      ["Dir::Cache::pkgcache", ""],
      ["Dir::Cache::srcpkgcache", ""],
    ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  }

  /** Returns the current versions of packages. */
  async findPackages(names: readonly string[]): Promise<DebianPackage[]> {
    await this.#fetchLists();
    // Not where packages are: of one that is already there it says nothing.
    const listed = await this.#run(this.#folder, "apt-get", "download", "--print-uris", ...names);
    const packages = listed
      .split("\n")
      .filter((line) => line.startsWith("'"))
      .map((line) => {
        const [, file = "", , hash = ""] = line.split(" ");
        return { name: file.slice(0, file.indexOf("_")), file, hash };
      })
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (packages.length === names.length) return packages;
    throw new Error(`expected ${names.join(", ")} from apt-get, got: ${listed.trim() || "nothing"}`);
  }

  /** Returns what a package depends on, and what that does, as far as `isFollowed` says yes to a name. */
  async findDependencies(name: string, isFollowed: (name: string) => boolean): Promise<string[]> {
    await this.#fetchLists();
    const listed = await this.#run(this.#folder, "apt-cache", "depends", "--recurse", ...ONLY_DEPENDS, name);
    const dependencies = parseDependencies(listed);
    const found = new Set<string>();
    const open = [name];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const dependency of dependencies.get(next) ?? []) {
        // Names of what several packages provide have none of their own.
        if (found.has(dependency) || !dependencies.has(dependency) || !isFollowed(dependency)) continue;
        found.add(dependency);
        open.push(dependency);
      }
    }
    return [...found].sort();
  }

  /** Fetches and unpacks packages, each into a folder of its own. */
  async unpack(packages: readonly DebianPackage[]): Promise<UnpackedPackage[]> {
    const debs = join(this.#folder, "debs");
    await mkdir(debs, { recursive: true });
    const missing = packages.filter(({ file }) => !existsSync(join(debs, file)));
    const names = missing.map(({ name }) => name);
    if (names.length > 0) await this.#run(debs, "apt-get", "download", "--quiet", ...names);
    const unpacked: UnpackedPackage[] = [];
    for (const { name, file } of packages) {
      const folder = join(this.#folder, "unpacked", name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await run("dpkg-deb", ["-x", join(debs, file), folder]);
      const { stdout: control } = await run("dpkg-deb", ["-f", join(debs, file)]);
      unpacked.push({ name, folder, control });
    }
    return unpacked;
  }

  /** Asks the archive for its lists when there are none yet. */
  async #fetchLists(): Promise<void> {
    const lists = join(this.#folder, "lists");
    if (existsSync(lists)) return;
    await mkdir(join(lists, "partial"), { recursive: true });
    await this.#run(this.#folder, "apt-get", "update", "--quiet");
  }

  async #run(cwd: string, command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(command, [...this.#options, ...args], { cwd, maxBuffer: MAX_LISTED_BYTES });
    return stdout;
  }
}

/** Writes what a package is to where scanners for known weaknesses look in images without dpkg. */
export async function recordPackage({ name, control }: UnpackedPackage, root: string): Promise<void> {
  const folder = join(root, "var/lib/dpkg/status.d");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), control);
}

/** Reads `apt-cache depends`: a package's name, then indented what it depends on; of alternatives, all. */
function parseDependencies(listed: string): Map<string, string[]> {
  const dependencies = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of listed.split("\n")) {
    const dependency = /^ +\|?(?:Pre)?Depends: (\S+)$/.exec(line)?.[1];
    if (dependency !== undefined) current.push(dependency);
    else if (/^\S/.test(line)) dependencies.set(line.trim(), (current = []));
  }
  return dependencies;
}
