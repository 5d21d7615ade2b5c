import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/*
 * What a cell is compared with: the least that Node.js needs to answer the same request with the same bytes. Started
 * with fork(); sends its port to its parent.
 */

const BODY = process.argv[2] ?? "";

/** As a cell has it: a connection waits while the other arms are measured. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (_request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": Buffer.byteLength(BODY) });
  response.end(BODY);
});

server.listen({ host: "127.0.0.1", port: 0 }, () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit(0));
