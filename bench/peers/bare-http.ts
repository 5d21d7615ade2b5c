import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpAnswer } from "../http-answer.ts";

/*
 * What a cell is compared with: the least that Node.js needs to answer the same request with the same bytes. Started
 * with fork(); sends its port to its parent.
 */

const { headers, body } = JSON.parse(process.argv[2] ?? "") as HttpAnswer;
const fields = headers.flat();

/** As a cell has it: a connection waits while the other arms are measured. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (_request, response) => {
  response.writeHead(200, fields); // in chunks, unless they name a length
  response.end(body);
});

server.listen({ host: "127.0.0.1", port: 0 }, () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit(0));
