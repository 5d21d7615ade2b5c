import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { copyFiles } from "./copy.ts";
import { DEBIAN_PACKAGES, isDebianFile } from "./contents.ts";

/*
 * Libraries from Debian packages, without installing them: apt says which version is current and fetches it, dpkg unpacks
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

  /** Returns the current versions; asks the archive for its lists when there are none yet. */
  async findPackages(): Promise<DebianPackage[]> {
    const lists = join(this.#folder, "lists");
    if (!existsSync(lists)) {
      await mkdir(join(lists, "partial"), { recursive: true });
      await this.#run(this.#folder, "apt-get", "update", "--quiet");
    }
    // Not where packages are: of one that is already there it says nothing.
    const listed = await this.#run(this.#folder, "apt-get", "download", "--print-uris", ...DEBIAN_PACKAGES);
    const packages = listed
      .split("\n")
      .filter((line) => line.startsWith("'"))
      .map((line) => {
        const [, file = "", , hash = ""] = line.split(" ");
        return { name: file.slice(0, file.indexOf("_")), file, hash };
      })
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (packages.length === DEBIAN_PACKAGES.length) return packages;
    throw new Error(`expected ${DEBIAN_PACKAGES.join(", ")} from apt-get, got: ${listed.trim() || "nothing"}`);
  }

  /** Fetches and unpacks packages, and copies the files that the image keeps to `root`. */
  async unpack(packages: readonly DebianPackage[], root: string): Promise<void> {
    const debs = join(this.#folder, "debs");
    await mkdir(debs, { recursive: true });
    const missing = packages.filter(({ file }) => !existsSync(join(debs, file)));
    const names = missing.map(({ name }) => name);
    if (names.length > 0) await this.#run(debs, "apt-get", "download", "--quiet", ...names);
    for (const { name, file } of packages) {
      const unpacked = join(this.#folder, "unpacked", name);
      await rm(unpacked, { recursive: true, force: true });
      await mkdir(unpacked, { recursive: true });
      await run("dpkg-deb", ["-x", join(debs, file), unpacked]);
      await copyFiles(unpacked, root, isDebianFile);
      await this.#record(name, join(debs, file), root);
    }
  }

  /** Writes what the package is to where scanners for known weaknesses look in images without dpkg. */
  async #record(name: string, deb: string, root: string): Promise<void> {
    const folder = join(root, "var/lib/dpkg/status.d");
    await mkdir(folder, { recursive: true });
    const { stdout } = await run("dpkg-deb", ["-f", deb]);
    await writeFile(join(folder, basename(name)), stdout);
  }

  async #run(cwd: string, command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(command, [...this.#options, ...args], { cwd });
    return stdout;
  }
}
