import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { missingBinaries, PROGRAMS_OF_LEVEL } from "./binaries.ts";
import { ClusterError } from "./errors.ts";

/** How much of a cluster: the API alone, or two nodes with everything. */
export type ClusterLevel = keyof typeof PROGRAMS_OF_LEVEL;

/** Something that this machine may lack. */
interface Requirement {
  isMet: () => boolean;
  /** What is missing, in a few words. */
  lack: string;
  fix: string;
}

const REQUIREMENTS = {
  linux: {
    isMet: () => process.platform === "linux",
    lack: "this is not Linux",
    fix: "Use a Linux machine, or name a cluster with WASMLET_TEST_KUBECONFIG.",
  },
  root: {
    isMet: () => process.getuid?.() === 0,
    lack: "the user is not root, whom namespaces, a bridge and cgroups need",
    fix: "Run it with sudo, or use `--control-plane-only`.",
  },
  overlay: {
    isMet: () => readFileSync("/proc/filesystems", "utf8").includes("\toverlay"),
    lack: "the kernel has no overlay file system",
    fix: "Run `modprobe overlay`.",
  },
  go: onPath("go", "Install Go (https://go.dev/dl/); the go.mod files in test/cluster/go say which."),
  gcc: onPath("gcc", aptGet("gcc libc6-dev")),
  openssl: onPath("openssl", aptGet("openssl")),
  nft: onPath("nft", aptGet("nftables")),
  ip: onPath("ip", aptGet("iproute2")),
  nsenter: onPath("nsenter", aptGet("util-linux")),
  busybox: {
    isMet: () => existsSync("/bin/busybox") && isStatic("/bin/busybox"),
    lack: "there is no static /bin/busybox, for images of tests",
    fix: aptGet("busybox-static"),
  },
  seccomp: {
    isMet: () => succeeds("pkg-config", "--exists", "libseccomp"),
    lack: "libseccomp's headers or pkg-config are missing, which runc needs",
    fix: aptGet("libseccomp-dev pkg-config"),
  },
} satisfies Record<string, Requirement>;

/** The name of a requirement. */
export type Need = keyof typeof REQUIREMENTS;

/** What a level needs beside its programs. */
const NEEDS_OF_LEVEL: Readonly<Record<ClusterLevel, readonly Need[]>> = {
  "control-plane": ["linux", "openssl"],
  full: ["linux", "root", "overlay", "openssl", "nft", "ip", "nsenter", "busybox"],
};

/** Throws CLUSTER_NOT_POSSIBLE with everything that is missing. */
export function needs(...names: readonly Need[]): void {
  const unmet = names.map((name) => REQUIREMENTS[name]).filter(({ isMet }) => !isMet());
  if (unmet.length === 0) return;
  const lacks = unmet.map(({ lack }) => lack).join("; ");
  throw new ClusterError("CLUSTER_NOT_POSSIBLE", lacks, unmet.map(({ fix }) => fix).join(" "));
}

/** Throws CLUSTER_NOT_POSSIBLE or CLUSTER_NOT_BUILT where a level cannot be started here now. */
export function needLevel(level: ClusterLevel): void {
  needs(...NEEDS_OF_LEVEL[level]);
  const missing = missingBinaries(PROGRAMS_OF_LEVEL[level]);
  if (missing.length === 0) return;
  throw new ClusterError(
    "CLUSTER_NOT_BUILT",
    `not built: ${missing.join(", ")}`,
    "Run `npm run cluster -- build`: about ten minutes on two processors, then seconds.",
  );
}

/** Returns whether a cluster of this level can be started here now, and in one line why not. */
export function canRunCluster(level: ClusterLevel = "full"): { can: true } | { can: false; why: string } {
  try {
    needLevel(level);
    return { can: true };
  } catch (thrown) {
    if (thrown instanceof ClusterError) return { can: false, why: `${thrown.message} (${thrown.fix})` };
    throw thrown;
  }
}

function onPath(name: string, fix: string): Requirement {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const isMet = (): boolean => folders.some((folder) => existsSync(join(folder, name)));
  return { isMet, lack: `there is no ${name}`, fix };
}

function aptGet(packages: string): string {
  return `Run \`apt-get install ${packages}\`.`;
}

function isStatic(path: string): boolean {
  // A program that wants a loader names it near its beginning.
  return !readFileSync(path).subarray(0, 4096).includes("/ld-");
}

function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
