import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { digestOf } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media-types.ts";
import { startRealRegistry, type RealRegistry } from "./real-registry.ts";

/** What a manifest says of what it refers to. */
interface Referring {
  subject?: { digest: string };
  artifactType?: string;
  mediaType?: string;
}

/**
 * Starts Debian's docker-registry behind a proxy that keeps the list of referrers, as newer registries do (distribution-spec,
 * "Listing Referrers"): neither it nor crane's has one.
 */
export async function startListingRegistry(): Promise<RealRegistry> {
  const registry = await startRealRegistry();
  const lists = new Map<string, Descriptor[]>();
  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing, registry.host, lists).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...registry,
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry[Symbol.asyncDispose]();
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upstream: string,
  lists: Map<string, Descriptor[]>,
): Promise<void> {
  const { method, url: path = "" } = incoming;
  const listed = /\/referrers\/(sha256:[0-9a-f]{64})/.exec(path)?.[1];
  if (listed !== undefined) {
    const manifests = lists.get(listed) ?? [];
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
    return void outgoing.setHeader("content-type", OCI_INDEX).end(JSON.stringify(index));
  }
  const body = await buffer(incoming);
  if (method === "PUT" && path.includes("/manifests/")) note(body, lists);
  // With the host that was asked for: the registry's own addresses lead here too.
  const forwarded = request(`http://${upstream}${path}`, { method, headers: incoming.headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  forwarded.on("error", () => outgoing.destroy());
  forwarded.end(body);
}

function note(body: Buffer, lists: Map<string, Descriptor[]>): void {
  const { subject, artifactType, mediaType = "" } = JSON.parse(body.toString("utf8")) as Referring;
  if (subject === undefined) return;
  const descriptor = { mediaType, digest: digestOf(body), size: body.length, artifactType, annotations: undefined };
  lists.set(subject.digest, [...(lists.get(subject.digest) ?? []), descriptor]);
}
