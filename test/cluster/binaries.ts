import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryFile } from "../harness.ts";
import { readTestEnvironment } from "./environment.ts";

/*
 * The programs of a cluster. Each group is a Go module of ours in go/, whose committed go.mod and go.sum say which version of
 * everything is built, so nothing here names a version.
 */

/** A program that is built from a Go module. */
export interface Binary {
  name: string;
  /** The module's folder in go/. */
  group: string;
  /** The package to build, as `go build` names it. */
  package: string;
  /** Whether it needs a C compiler. */
  usesC?: boolean;
  tags?: string;
  /** Variables that the linker sets to the version of a module: the variables' prefix, and what is asked of the version. */
  versionOf?: { module: string; variables: (version: string) => Readonly<Record<string, string>> };
}

type VersionOf = NonNullable<Binary["versionOf"]>;

const KUBERNETES: VersionOf = {
  module: "k8s.io/kubernetes",
  variables: (version) => {
    const [major = "", minor = ""] = version.replace("v", "").split(".");
    const prefix = "k8s.io/component-base/version.git";
    return { [`${prefix}Version`]: version, [`${prefix}Major`]: major, [`${prefix}Minor`]: minor };
  },
};

const CONTAINERD: VersionOf = {
  module: "github.com/containerd/containerd/v2",
  variables: (version) => ({ "github.com/containerd/containerd/v2/version.Version": version }),
};

const HELM = (major: 3 | 4): VersionOf => ({
  module: `helm.sh/helm/v${major}`,
  variables: (version) => ({ [`helm.sh/helm/v${major}/internal/version.version`]: version }),
});

/** The source of `pause`, the one program that is not built from a Go module. */
export const PAUSE_SOURCE = repositoryFile("test/cluster/pause.c");

const PLUGINS = "github.com/containernetworking/plugins/plugins";

/** Every program, the ones for the API alone first: they are of use before the others are built. */
export const BINARIES: readonly Binary[] = [
  kubernetes("kube-apiserver"),
  { name: "etcd", group: "etcd", package: "go.etcd.io/etcd/server/v3" },
  kubernetes("kubectl"),
  kubernetes("kube-controller-manager"),
  kubernetes("kube-scheduler"),
  ...["containerd", "containerd-shim-runc-v2", "ctr"].map(containerd),
  { name: "runc", group: "runc", package: "github.com/opencontainers/runc", usesC: true, tags: "seccomp" },
  ...["main/ptp", "main/loopback", "ipam/host-local", "meta/portmap"].map(cniPlugin),
  kubernetes("kubelet"),
  kubernetes("kube-proxy"),
  { name: "coredns", group: "coredns", package: "." },
  { name: "helm", group: "helm", package: "helm.sh/helm/v4/cmd/helm", versionOf: HELM(4) },
  { name: "helm3", group: "helm3", package: "helm.sh/helm/v3/cmd/helm", versionOf: HELM(3) },
];

/** What a cluster of each level runs. */
export const PROGRAMS_OF_LEVEL = {
  "control-plane": ["kube-apiserver", "etcd", "kubectl", "kube-controller-manager"],
  full: [...BINARIES.map(({ name }) => name), "pause"],
} as const;

/** The folder of a group's Go module. */
export function moduleFolder(group: string): string {
  return repositoryFile(`test/cluster/go/${group}`);
}

/** Returns the text of the go.mod that a program is built from. */
export function readGoMod({ group }: Binary): string {
  return readFileSync(join(moduleFolder(group), "go.mod"), "utf8");
}

/** The folder of built programs, named after everything that decides what they are. */
export function binFolder(): string {
  return join(readTestEnvironment().cacheFolder, "cluster", cacheKey(), "bin");
}

/** The path of a built program. */
export function binaryPath(name: string): string {
  return join(binFolder(), name);
}

/** The programs of a level that are not built. */
export function missingBinaries(names: readonly string[]): string[] {
  return names.filter((name) => !existsSync(binaryPath(name)));
}

/** Returns the arguments of `go` that build a program into `output`; `goMod` is the text of its module. */
export function buildArguments(binary: Binary, goMod: string, output: string): string[] {
  const { versionOf, tags, package: path } = binary;
  const variables = versionOf === undefined ? {} : versionOf.variables(requiredVersion(goMod, versionOf.module));
  const flags = ["-s", "-w", ...Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)];
  return [
    "build",
    "-trimpath",
    "-buildvcs=false",
    "-mod=readonly",
    ...(tags === undefined ? [] : ["-tags", tags]),
    "-ldflags",
    flags.join(" "),
    "-o",
    output,
    path,
  ];
}

/** Returns the version of a module that a go.mod requires. */
export function requiredVersion(goMod: string, module: string): string {
  const line = goMod.split("\n").find((text) =>
    text
      .replace(/^require/, "")
      .trim()
      .startsWith(`${module} v`),
  );
  const version = line
    ?.replace(/^require/, "")
    .trim()
    .split(" ")[1];
  if (version === undefined) throw new Error(`no version of ${module} in its go.mod`);
  return version;
}

/** A name for one set of versions and ways to build them. */
function cacheKey(): string {
  const hash = createHash("sha256");
  for (const group of new Set(BINARIES.map(({ group }) => group))) {
    for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(moduleFolder(group), file)));
  }
  for (const binary of BINARIES) hash.update(JSON.stringify(buildArguments(binary, readGoMod(binary), binary.name)));
  hash.update(readFileSync(join(moduleFolder("coredns"), "main.go")));
  hash.update(readFileSync(PAUSE_SOURCE));
  return hash.digest("hex").slice(0, 12);
}

function kubernetes(name: string): Binary {
  return { name, group: "kubernetes", package: `k8s.io/kubernetes/cmd/${name}`, versionOf: KUBERNETES };
}

function containerd(name: string): Binary {
  const path = `github.com/containerd/containerd/v2/cmd/${name}`;
  return { name, group: "containerd", package: path, versionOf: CONTAINERD };
}

function cniPlugin(path: string): Binary {
  return { name: path.slice(path.indexOf("/") + 1), group: "cni", package: `${PLUGINS}/${path}` };
}
