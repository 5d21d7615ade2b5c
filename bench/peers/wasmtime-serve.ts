import { readConfig } from "../../config/config.ts";
import { canRun, findFreePort, type Peer, startServer } from "./peer.ts";

const MISSING = "no wasmtime on PATH or in WASMTIME: cargo install wasmtime-cli@48.0.8 --locked";

/** `wasmtime serve` as shipped: a pristine instance for each request. */
export const WASMTIME_SERVE: Peer = makePeer("wasmtime serve", []);

/** `wasmtime serve` with instances that serve 1,000 requests each, which gives up isolation between them. */
export const WASMTIME_SERVE_REUSE: Peer = makePeer("wasmtime serve, reuse", ["--max-instance-reuse-count=1000"]);

function makePeer(name: string, options: readonly string[]): Peer {
  return {
    name,
    async start(file) {
      const command = readConfig().wasmtime;
      if (!(await canRun(command, ["--version"]))) return { missing: MISSING };
      const port = await findFreePort();
      return startServer(command, ["serve", `--addr=127.0.0.1:${port}`, "-Scli", ...options, file], port);
    },
  };
}
