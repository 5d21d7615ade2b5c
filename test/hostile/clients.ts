import { setTimeout as delay } from "node:timers/promises";
import { ask, tally } from "./client.ts";
import { PROBE, type HostileKind } from "./kinds.ts";
import { RawClient } from "./raw-client.ts";

/** Clients that are hostile themselves, of an app that does as it is told. */

const HOST = "Host: app\r\n";
const GET = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
const MANY_CONNECTIONS = 200;
const PIPELINED = 500;
const TRICKLE_MS = 50;
const BEYOND_DEADLINE_MS = 1200;

/** Sends bytes on one connection, and returns the status line and code of what comes, or `cut`. */
async function exchange(url: string, bytes: string): Promise<string> {
  const client = await RawClient.open(url);
  client.send(bytes);
  return client.outcome();
}

/** Opens many connections that do what `begin` does; asks the app as any client would, then leaves. */
async function askBeside(url: string, begin: (client: RawClient) => void): Promise<string> {
  const clients = await Promise.all(Array.from({ length: MANY_CONNECTIONS }, () => RawClient.open(url)));
  for (const client of clients) begin(client);
  await delay(TRICKLE_MS);
  const outcome = await ask(`${url}/hello`);
  for (const client of clients) client.leave();
  return outcome;
}

const HELLO = "200 Hello from probe\n".trim();

export const CLIENT_KINDS: readonly HostileKind[] = [
  {
    name: "client-reads-nothing",
    waits: true,
    tries: "asks for 100 MB and reads none of it",
    guest: PROBE,
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.pause();
      client.send(GET("/bytes?n=100000000"));
      return client.closed();
    },
    expected: "closed",
    limit: "request_timeout",
  },
  {
    name: "client-reads-slowly",
    waits: true,
    tries: "asks for 100 MB and reads a little now and then",
    guest: PROBE,
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.readSlowly(TRICKLE_MS);
      client.send(GET("/bytes?n=100000000"));
      return client.closed();
    },
    expected: "closed",
    limit: "request_timeout",
  },
  {
    name: "client-reads-no-1xx",
    tries: "reads none of the 1xx responses that a guest sends without end",
    guest: {
      handle: `(loop $again
        (call $response-outparam.send-informational (local.get $out) (i32.const 103) (call $fields.new) (i32.const 64))
        (br $again))`,
    },
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.pause();
      client.send(GET("/"));
      await delay(BEYOND_DEADLINE_MS);
      client.resume();
      return client.outcome();
    },
    expected: "504 GUEST_TIMEOUT",
    limit: "informational",
  },
  {
    name: "client-writes-slowly",
    waits: true,
    tries: "sends a body a byte at a time to a guest that waits for all of it",
    guest: PROBE,
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.send(`POST /drain HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n`);
      client.trickle("x", TRICKLE_MS);
      return client.outcome();
    },
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "client-stops-writing",
    waits: true,
    tries: "declares a body, sends half of it and waits",
    guest: PROBE,
    attack: ({ url }) => exchange(url, `POST /drain HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\n${"x".repeat(50)}`),
    expected: "504 GUEST_TIMEOUT",
    limit: "request_timeout",
  },
  {
    name: "client-slow-heads",
    waits: true,
    tries: "begins 200 requests and ends none",
    guest: PROBE,
    attack: ({ url }) => askBeside(url, (client) => client.send(`GET / HTTP/1.1\r\nX-`)),
    expected: HELLO,
  },
  {
    name: "client-idle",
    waits: true,
    tries: "opens 200 connections and says nothing",
    guest: PROBE,
    attack: ({ url }) => askBeside(url, () => {}),
    expected: HELLO,
  },
  {
    name: "client-leaves-answers",
    tries: "asks 200 times for an answer that takes long, and leaves",
    guest: PROBE,
    attack: ({ url }) => askBeside(url, (client) => client.send(GET("/sleep?ms=600"))),
    expected: HELLO,
  },
  {
    name: "client-leaves-uploads",
    tries: "leaves 200 times in the middle of what it sends",
    guest: PROBE,
    attack: ({ url }) =>
      askBeside(url, (client) => client.send(`POST /echo HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nx`)),
    expected: HELLO,
  },
  {
    name: "client-pipelines",
    tries: "sends 500 requests at once on one connection",
    guest: PROBE,
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.send(GET("/hello").repeat(PIPELINED));
      return client.count("Hello from probe", PIPELINED);
    },
    expected: `${PIPELINED} answers`,
    spec: { limits: { requestTimeoutSeconds: 30 } },
  },
  {
    name: "client-floods",
    tries: "asks an app 500 times at once that may be asked 5 times in a second",
    guest: PROBE,
    attack: async ({ url }) => {
      const client = await RawClient.open(url);
      client.send(GET("/hello").repeat(PIPELINED));
      return client.count("HTTP/1.1 ", PIPELINED);
    },
    expected: `${PIPELINED} answers`,
    limit: "requests_per_second",
    spec: { limits: { requestTimeoutSeconds: 30, requestsPerSecond: 5 } },
  },
  {
    name: "client-head-huge",
    tries: "sends a header of 100 KiB",
    guest: PROBE,
    attack: ({ url }) => exchange(url, `GET / HTTP/1.1\r\n${HOST}X-A: ${"x".repeat(100_000)}\r\n\r\n`),
    expected: "431 REQUEST_HEADERS_TOO_LARGE",
  },
  {
    name: "client-headers-many",
    tries: "sends 20,000 headers",
    guest: PROBE,
    attack: ({ url }) => exchange(url, `GET / HTTP/1.1\r\n${HOST}${"A: b\r\n".repeat(20_000)}\r\n`),
    expected: "431 REQUEST_HEADERS_TOO_LARGE",
  },
  {
    name: "client-two-lengths",
    tries: "smuggles a request: a length and chunks at once",
    guest: PROBE,
    attack: ({ url }) =>
      exchange(url, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    expected: "400 REQUEST_MALFORMED",
  },
  {
    name: "client-two-hosts",
    tries: "names two hosts",
    guest: PROBE,
    attack: ({ url }) => exchange(url, `GET / HTTP/1.1\r\n${HOST}Host: other\r\n\r\n`),
    expected: "400 REQUEST_AMBIGUOUS",
  },
  {
    name: "client-not-http",
    tries: "sends bytes that are no HTTP",
    guest: PROBE,
    attack: ({ url }) => exchange(url, "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"),
    expected: "400 REQUEST_MALFORMED",
  },
  {
    name: "client-http2",
    tries: "opens with the preface of HTTP/2",
    guest: PROBE,
    attack: ({ url }) => exchange(url, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    expected: "400 REQUEST_MALFORMED",
  },
  {
    name: "client-chunks-tiny",
    tries: "sends a body in chunks of one byte, each with an extension of 1 KiB",
    guest: PROBE,
    attack: ({ url }) =>
      exchange(
        url,
        `POST /drain HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${`1;${"x".repeat(1000)}\r\nx\r\n`.repeat(500)}0\r\n\r\n`,
      ),
    expected: /^(400 REQUEST_MALFORMED|413 REQUEST_BODY_TOO_LARGE|cut)/,
  },
  {
    name: "client-proxy",
    tries: "takes the app for a proxy",
    guest: PROBE,
    attack: ({ url }) => exchange(url, `CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n`),
    expected: "501 REQUEST_METHOD",
  },
  {
    name: "client-reconnects",
    tries: "makes 300 connections one after another, each for one request that is cut",
    guest: PROBE,
    attack: async ({ url }) => {
      for (let count = 0; count < 300; count++) {
        const client = await RawClient.open(url);
        client.send(GET("/hello").slice(0, 20));
        client.leave();
      }
      return tally([await ask(`${url}/hello`)]);
    },
    expected: `1 × ${HELLO}`,
  },
];
