import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CACHE } from "../runtime-under-test.ts";
import { findFreePort, type Peer, startServer } from "./peer.ts";

const JCO = fileURLToPath(new URL("../../node_modules/.bin/jco", import.meta.url));

/** `jco serve` as shipped: one instance for all requests. */
export const JCO_SERVE: Peer = {
  name: "jco serve",
  async start(file) {
    if (!existsSync(JCO)) return { missing: "no @bytecodealliance/jco in node_modules: npm ci" };
    const port = await findFreePort();
    const directory = join(CACHE, "jco-serve");
    mkdirSync(directory, { recursive: true });
    const args = [JCO, "serve", "--port", String(port), "--host", "127.0.0.1", "--jco-dir", directory, file];
    return startServer(process.execPath, args, port);
  },
};
