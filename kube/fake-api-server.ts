import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Secret } from "../common/secret.ts";
import type { Connection } from "./connection.ts";

/** A server of a test, over real sockets: it answers as the test says and remembers what it was asked. */
export interface FakeApiServer extends AsyncDisposable {
  connection: Connection;
  /** Every request: `GET /api/v1/pods?limit=500`. */
  requests: string[];
  /** The bodies of requests that had one. */
  bodies: unknown[];
  headers: IncomingMessage["headers"][];
}

/** Answers the n-th request, counted from 0. */
export type Answer = (response: ServerResponse, request: IncomingMessage, n: number) => unknown;

/** Starts one on a free port of this machine. */
export async function startFakeApiServer(answer: Answer): Promise<FakeApiServer> {
  const requests: string[] = [];
  const bodies: unknown[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const server = createServer((request, response) => {
    response.on("error", () => {});
    void text(request).then((body) => {
      if (body !== "") bodies.push(JSON.parse(body));
      headers.push(request.headers);
      return answer(response, request, requests.push(`${request.method} ${request.url}`) - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connection: {
      server: new URL(`http://127.0.0.1:${port}`),
      tls: () => Promise.resolve({}),
      token: () => Promise.resolve(new Secret("t0ken")),
    },
    requests,
    bodies,
    headers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Ends a response with JSON. */
export function sendJson(response: ServerResponse, body: object, status = 200, headers: object = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Ends a response with a Status object, as the API server refuses things. */
export function sendStatus(response: ServerResponse, code: number, reason: string, headers: object = {}): void {
  sendJson(response, statusOf(code, reason), code, headers);
}

/** Returns a Status object. */
export function statusOf(code: number, reason: string): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: `the reason is ${reason}` };
}

/** Writes one line of a watch. */
export function sendEvent(response: ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}
