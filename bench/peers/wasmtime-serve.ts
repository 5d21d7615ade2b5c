import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../common/errors.ts";
import { readConfig } from "../../config/config.ts";
import { findFreePort, type Peer, startServer } from "./peer.ts";

const INSTALL = "cargo install wasmtime-cli@48.0.8 --locked";
const MISSING = `no wasmtime on PATH or in WASMTIME: ${INSTALL}`;

/** `wasmtime serve` as shipped: a pristine instance for each request. */
export const WASMTIME_SERVE: Peer = makePeer("wasmtime serve", []);

/** `wasmtime serve` with instances that serve 1,000 requests each, which gives up isolation between them. */
export const WASMTIME_SERVE_REUSE: Peer = makePeer("wasmtime serve, reuse", ["--max-instance-reuse-count=1000"]);

/** What a wasmtime says that was built without its default features; `serve` asks for the pool by default. */
const NO_POOL = "support for pooling-allocator disabled at compile time";

/** Such a build is slower by far than the one that is shipped: beating it would say nothing. */
const REDUCED = `wasmtime was built without its default features, and is not as shipped: ${INSTALL}`;

function makePeer(name: string, options: readonly string[]): Peer {
  return {
    name,
    async start(file) {
      const command = readConfig().wasmtime;
      const version = await readVersion(command);
      if (version === undefined) return { missing: MISSING };
      const port = await findFreePort();
      // Rust's standard library imports wasi:cli, which `serve` leaves out unless asked.
      const args = ["serve", `--addr=127.0.0.1:${port}`, "-Scli", ...options];
      try {
        return { ...(await startServer(command, [...args, file], port)), note: version };
      } catch (thrown) {
        if (messageOf(thrown).includes(NO_POOL)) return { missing: REDUCED };
        throw thrown;
      }
    },
  };
}

/** Resolves to what the command says that it is; to undefined when it cannot be run. */
async function readVersion(command: string): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, ["--version"])).stdout.trim();
  } catch {
    return undefined;
  }
}
