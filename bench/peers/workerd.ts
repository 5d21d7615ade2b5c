import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CACHE } from "../runtime-under-test.ts";
import { findFreePort, type MissingPeer, type Peer, type RunningPeer, startServer } from "./peer.ts";

/** The npm package, which holds a binary. */
export const WORKERD_PACKAGE = "workerd@1.20261117.1";

/** Where build.ts installs it. */
export const WORKERD_DIRECTORY = join(CACHE, "workerd");

const SOURCES = fileURLToPath(new URL("workerd/", import.meta.url));
const BINARY = join(WORKERD_DIRECTORY, "node_modules", ".bin", "workerd");
const MISSING = `no ${WORKERD_PACKAGE} in ${join(".cache", "bench", "workerd")}: npm run bench:peers`;

/** workerd with a worker in JavaScript: one isolate for all requests. */
export const WORKERD: Peer = { name: "workerd", start: () => start("hello.js", "", []) };

/** workerd with a worker that makes an isolate for each request to /new (its experimental worker loader). */
export const WORKERD_LOADER: Peer = {
  name: "workerd, worker loader",
  start: () => start("loader.js", 'bindings = [(name = "LOADER", workerLoader = ())],', ["--experimental"]),
};

async function start(source: string, bindings: string, options: readonly string[]): Promise<RunningPeer | MissingPeer> {
  if (!existsSync(BINARY)) return { missing: MISSING };
  const port = await findFreePort();
  // A configuration can only embed files of its own folder.
  const file = join(WORKERD_DIRECTORY, `${source}.capnp`);
  copyFileSync(join(SOURCES, source), join(WORKERD_DIRECTORY, source));
  writeFileSync(file, configOf(source, bindings, port));
  return startServer(BINARY, ["serve", ...options, file], port);
}

/** See workerd.capnp of the package for the format. */
function configOf(source: string, bindings: string, port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "main.js", esModule = embed ${JSON.stringify(source)})],
    compatibilityDate = "2026-01-01",
    ${bindings}
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}
