import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** Servers that guests call: one that accepts and never says anything, and two whose answer, or its head, has no end. */
export interface Peers {
  ports: { silent: number; endless: number; headless: number };
  stop(): void;
}

const ANSWER_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
const HEADER_BEGUN = "HTTP/1.1 200 OK\r\nx-a: ";
const PIECE = Buffer.alloc(64 * 1024, "x");

/** Starts the peers on loopback. */
export async function startPeers(): Promise<Peers> {
  const sockets = new Set<Socket>();
  const start = async (greet: (socket: Socket) => void): Promise<Server> => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
      socket.resume();
      greet(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  };
  const silent = await start(() => {});
  const endless = await start((socket) => sendForEver(socket, ANSWER_HEAD));
  const headless = await start((socket) => sendForEver(socket, HEADER_BEGUN));
  return {
    ports: { silent: portOf(silent), endless: portOf(endless), headless: portOf(headless) },
    stop: () => {
      for (const server of [silent, endless, headless]) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function sendForEver(socket: Socket, begin: string): void {
  const fill = (): void => {
    while (socket.writable && socket.write(PIECE));
  };
  socket.write(begin);
  socket.on("drain", fill);
  fill();
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
