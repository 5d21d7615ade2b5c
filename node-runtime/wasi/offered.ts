const P2_INTERFACES: readonly string[] = [
  "wasi:cli/environment",
  "wasi:cli/exit",
  "wasi:cli/stderr",
  "wasi:cli/stdin",
  "wasi:cli/stdout",
  "wasi:cli/terminal-input",
  "wasi:cli/terminal-output",
  "wasi:cli/terminal-stderr",
  "wasi:cli/terminal-stdin",
  "wasi:cli/terminal-stdout",
  "wasi:clocks/monotonic-clock",
  "wasi:clocks/wall-clock",
  "wasi:filesystem/preopens",
  "wasi:filesystem/types",
  "wasi:http/outgoing-handler",
  "wasi:http/types",
  "wasi:io/error",
  "wasi:io/poll",
  "wasi:io/streams",
  "wasi:random/insecure",
  "wasi:random/insecure-seed",
  "wasi:random/random",
  "wasi:sockets/instance-network",
  "wasi:sockets/ip-name-lookup",
  "wasi:sockets/network",
  "wasi:sockets/tcp",
  "wasi:sockets/tcp-create-socket",
  "wasi:sockets/udp",
  "wasi:sockets/udp-create-socket",
];

const P3_INTERFACES: readonly string[] = [
  "wasi:cli/environment",
  "wasi:cli/exit",
  "wasi:cli/stderr",
  "wasi:cli/stdin",
  "wasi:cli/stdout",
  "wasi:cli/terminal-input",
  "wasi:cli/terminal-output",
  "wasi:cli/terminal-stderr",
  "wasi:cli/terminal-stdin",
  "wasi:cli/terminal-stdout",
  "wasi:cli/types",
  "wasi:clocks/monotonic-clock",
  "wasi:clocks/system-clock",
  "wasi:clocks/types",
  "wasi:filesystem/preopens",
  "wasi:filesystem/types",
  "wasi:http/client",
  "wasi:http/types",
  "wasi:random/insecure",
  "wasi:random/insecure-seed",
  "wasi:random/random",
  "wasi:sockets/ip-name-lookup",
  "wasi:sockets/types",
];

/**
 * What Wasmlet offers to components: every stable interface of WASI 0.2 and 0.3, by `major.minor` version. A component
 * built against any patch version is served: patch versions only add.
 */
export const OFFERED_INTERFACES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["0.2", new Set(P2_INTERFACES)],
  ["0.3", new Set(P3_INTERFACES)],
]);

/**
 * What is offered to components of Spin applications alone, in these very versions: an application's variables, under
 * Spin's own name and as the drafts of wasi:config that Spin and wasmCloud have. Others have no variables.
 */
export const SPIN_INTERFACES: readonly string[] = [
  "fermyon:spin/variables@2.0.0",
  "wasi:config/store@0.2.0-draft-2024-09-27",
  "wasi:config/store@0.2.0-rc.1",
];

/** The names of all interfaces beside those of WASI 0.3, without versions. */
export const HOST_INTERFACES: ReadonlySet<string> = new Set([
  ...P2_INTERFACES,
  ...SPIN_INTERFACES.map((versioned) => versioned.slice(0, versioned.indexOf("@"))),
]);

/** What stands behind the name of a WASI 0.3 interface in the host's imports: it differs from the 0.2 one of that name. */
export const P3_SUFFIX = "@0.3";

/**
 * The host functions that may wait, so that a guest calling one is suspended (JSPI) instead of blocking its neighbours.
 * Everything else answers at once. Names are `interface#function` without a version. Those of WASI 0.3 say in their types
 * that they wait.
 */
export const WAITING_FUNCTIONS: readonly string[] = [
  "wasi:io/poll#poll",
  "wasi:io/poll#[method]pollable.block",
  "wasi:io/streams#[method]input-stream.blocking-read",
  "wasi:io/streams#[method]input-stream.blocking-skip",
  "wasi:io/streams#[method]output-stream.blocking-write-and-flush",
  "wasi:io/streams#[method]output-stream.blocking-flush",
  "wasi:io/streams#[method]output-stream.blocking-write-zeroes-and-flush",
  "wasi:io/streams#[method]output-stream.blocking-splice",
  "wasi:filesystem/types#[method]descriptor.read",
  "wasi:filesystem/types#[method]descriptor.write",
  "wasi:filesystem/types#[method]descriptor.sync",
  "wasi:filesystem/types#[method]descriptor.sync-data",
];

/** The exports that drive a guest, which run as promises for the same reason. */
export const WAITING_EXPORTS: readonly string[] = ["wasi:cli/run#run", "wasi:http/incoming-handler#handle"];
