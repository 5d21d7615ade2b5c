import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { comparable, parseAnswer } from "../http-answer.ts";
import { HttpConnection } from "../../startup/http-connection.ts";
import { type Peer, stopChild } from "./peer.ts";

const SERVER = fileURLToPath(new URL("bare-http.ts", import.meta.url));

/** node:http alone, writing byte for byte an answer that another server gave. */
export function bareNode(name: string, answer: string): Peer {
  return {
    name,
    async start() {
      const child = fork(SERVER, [JSON.stringify(parseAnswer(answer))]);
      const [port] = (await once(child, "message")) as [number];
      const url = `http://127.0.0.1:${port}/`;
      const own = await HttpConnection.getOnce(url);
      if (comparable(own) !== comparable(answer)) {
        await stopChild(child);
        throw new Error(`expected ${JSON.stringify(answer)}, got ${JSON.stringify(own)}`);
      }
      return { url, pid: child.pid ?? 0, stop: () => stopChild(child) };
    },
  };
}
