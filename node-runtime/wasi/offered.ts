/**
 * What Wasmlet offers to components: every interface of WASI 0.2, by package. A component built against any 0.2.x patch
 * version is served: patch versions only add.
 */
export const OFFERED_INTERFACES: ReadonlySet<string> = new Set([
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
]);

/**
 * The host functions that may wait, so that a guest calling one is suspended (JSPI) instead of blocking its neighbours.
 * Everything else answers at once. Names are `interface#function` without a version.
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
