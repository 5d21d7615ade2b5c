/*
 * What goes into the image, for the Containerfile and for `npm run image` alike: both call `planLayers`. Nothing else
 * says which files those are; .containerignore only keeps what is large and never used away from the builder.
 */

/** Folders and files of this repository, in /opt/wasmlet. One that does not exist is left out. */
export const OWN_FILES = [
  "cli",
  "common",
  "config",
  "crds",
  "kube",
  "node-runtime",
  "oci",
  "startup",
  "operator",
  "LICENSE",
  "package.json",
] as const;

/** What of them is for development: tests, and what writes generated files. */
const OWN_EXCLUDED = [
  /\.(test|d)\.ts$/,
  /(^|\/)(arbitrary|fixtures|samples|simulation)(\/|\.ts$)/,
  /(^|\/)(fake|hanging|observed|simulated|test)-[^/]+\.ts$/,
  /-fixtures?\.ts$/,
  /^(node-runtime\/prepare\/rewrite\/generated-(code|module)|oci\/memory-blobs)\.ts$/,
  /^crds\/(generate\/|generated\/.*\.yaml$)/,
  /^crds\/[^/]+\/example\.yaml$/,
  /^crds\/generate\.ts$/,
  /^startup\/(program\/|write-docs\.ts$|write-image\.ts$|fetch-kernel\.ts$|build-debian\.ts$|debian\/|independent-check\.sh$|report\/page\.ts$)/,
];

/** Packages that production dependencies name and that no code path of ours loads, and why. */
export const LEFT_OUT_PACKAGES: Readonly<Record<string, string>> = {
  "@bytecodealliance/preview3-shim": "WASI for code that jco generates on its own; ours is node-runtime/wasi",
  "@types/js-yaml": "types",
  "@types/node": "types",
  "@types/stream-buffers": "types",
  "bare-fs": "for the Bare runtime",
  "bare-path": "for the Bare runtime",
  "bare-url": "for the Bare runtime",
  binaryen: "jco's optimizer, 93 MB, which is never asked to optimize",
  "oxc-minify": "jco's minifier, which is never asked to minify",
  "undici-types": "types",
};

/** What of a package is for its developers or for compilers. Licences stay. */
const PACKAGE_EXCLUDED = [
  /\.(map|md|markdown|flow|tsbuildinfo)$/i,
  /\.[cm]?ts$/,
  /(^|\/)\.[^/]+$/,
  /[._-]test\.[cm]?js$/,
  /^(test|tests|__tests__|fixtures|docs|example|examples|benchmark|benchmarks|scripts)(\/|$)/,
];

/** The Debian packages whose libraries Node.js is linked against. */
export const DEBIAN_PACKAGES = ["libatomic1", "libc6", "libgcc-s1", "libstdc++6"] as const;

/** Paths of Debian packages that are kept: libraries and licences, without conversions of character sets. */
const DEBIAN_KEPT = /^(lib|lib64|usr\/lib|usr\/lib64)\/(?!.*\/(gconv|audit)\/)|^usr\/share\/doc\/[^/]+\/copyright$/;

/** Debian's packages of QEMU: those whose files are named below. What else they depend on is found in the files. */
export const QEMU_PACKAGES = ["qemu-system-x86", "qemu-system-common", "qemu-system-data"] as const;

/** What QEMU opens for its machine `microvm`, by strace, with KVM and without; links lead to what they stand for. */
export const QEMU_FILES = [
  "usr/bin/qemu-system-x86_64",
  "usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so",
  "usr/share/qemu/bios-microvm.bin",
  "usr/share/qemu/linuxboot_dma.bin",
] as const;

/** Debian's package that depends on its current kernel for virtual machines. */
export const KERNEL_PACKAGE = "linux-image-cloud-amd64";

/** The user and group of the processes. */
export const USER_ID = 65_532;

/** Where the runtime keeps prepared programs: mount a writable folder here. */
export const CACHE_FOLDER = "/var/cache/wasmlet";

/** Where our files are. */
export const APP_FOLDER = "/opt/wasmlet";

/** Where Node.js is. */
export const NODE = "/usr/bin/node";

/** Whether a file of this repository belongs into the image; `path` is relative to its root. */
export function isOwnFile(path: string): boolean {
  return !OWN_EXCLUDED.some((pattern) => pattern.test(path));
}

/** Whether a file of a package belongs into the image; `path` is relative to the package. */
export function isPackageFile(path: string): boolean {
  return !PACKAGE_EXCLUDED.some((pattern) => pattern.test(path));
}

/** Whether a file of a Debian package belongs into every image; `path` is relative to the root. */
export function isDebianFile(path: string): boolean {
  return DEBIAN_KEPT.test(path);
}
