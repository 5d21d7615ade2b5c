import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Peer, stopChild } from "./peer.ts";

const SERVER = fileURLToPath(new URL("bare-http.ts", import.meta.url));
const BODY = "Hello from Rust\npath: /\n";

/** node:http alone, writing the bytes that the guest would. */
export const BARE_NODE: Peer = {
  name: "bare node:http",
  async start() {
    const child = fork(SERVER, [BODY]);
    const [port] = (await once(child, "message")) as [number];
    return { url: `http://127.0.0.1:${port}/`, pid: child.pid ?? 0, stop: () => stopChild(child) };
  },
};
