import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestAuthority, TestSigner } from "../../oci/policy/test-certificates.ts";

/** Starts an authority of timestamps (RFC 3161, 3.4) on this machine, which says when it sees what it is sent. */
export async function startTimestampServer(
  authority: TestAuthority,
  signer: TestSigner,
): Promise<AsyncDisposable & { url: string }> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const query = await buffer(incoming);
    outgoing.writeHead(201, { "content-type": "application/timestamp-reply" });
    outgoing.end(authority.replyTo(query, signer));
  };
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
