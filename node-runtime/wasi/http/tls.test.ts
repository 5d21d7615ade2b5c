import { createServer } from "node:https";
import { expect, test } from "vitest";
import { contentOf, createGuest, errorCodeFrom, listen, responseOf, serve, type TestServer } from "./client-fixture.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "./tls-fixture.ts";

/** Names that all resolve to this machine. */
const lookup = (): Promise<{ address: string }[]> => Promise.resolve([{ address: "127.0.0.1" }]);
const allowed = ["*.example.com", "127.0.0.1"];

function serveTls(options: object = {}): Promise<TestServer> {
  const server = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, ...options }, (request, response) => {
    const { servername, authorized } = request.socket as { servername?: string; authorized?: boolean };
    response.end(`${String(servername)} ${String(authorized)}`);
  });
  return listen(server, "https");
}

test.each([
  ["secure.example.com", "secure.example.com false"],
  ["127.0.0.1", "false false"],
])("outgoing-handler: https to %s is verified and told the name asked for", async (host, expected) => {
  await using server = await serveTls();
  const guest = createGuest({ allowed, lookup, ca: TEST_CERTIFICATE });
  const response = await responseOf(guest.handle(guest.newRequest(`https://${host}:${server.port}/`)));
  expect((await contentOf(response)).text).toBe(expected);
});

test.each([
  ["of an unknown authority", "secure.example.com", undefined],
  ["for another name", "other.example.com", TEST_CERTIFICATE],
])("outgoing-handler: a certificate %s is refused", async (_what, host, ca) => {
  await using server = await serveTls();
  const guest = createGuest({ allowed, lookup, ...(ca === undefined ? {} : { ca }) });
  const future = guest.handle(guest.newRequest(`https://${host}:${server.port}/`));
  expect(await errorCodeFrom(future)).toEqual({ tag: "TLS-certificate-error" });
});

test("outgoing-handler: https to a server without TLS is a TLS error", async () => {
  await using server = await serve((_request, response) => void response.end());
  const guest = createGuest({ allowed, lookup });
  const future = guest.handle(guest.newRequest(`https://127.0.0.1:${server.port}/`));
  expect(await errorCodeFrom(future)).toEqual({ tag: "TLS-protocol-error" });
});

test("outgoing-handler: a server's alert is told with its number", async () => {
  await using server = await serveTls({ requestCert: true, ca: TEST_CERTIFICATE, maxVersion: "TLSv1.2" });
  const guest = createGuest({ allowed, lookup, ca: TEST_CERTIFICATE });
  const future = guest.handle(guest.newRequest(`https://secure.example.com:${server.port}/`));
  expect(await errorCodeFrom(future)).toEqual({ tag: "TLS-alert-received", val: { alertId: 40 } });
});
