import type { ClientRequest } from "node:http";
import { rawHeadersOf } from "./message-source.ts";
import type { SentBody } from "./outgoing-body.ts";

/** How much is taken from the guest's body at once. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Sends a body as the guest writes it, never taking more while the connection is congested, then its trailers.
 * Resolves when all is handed to the connection, or it is closed; rejects when the guest abandoned the body.
 */
export async function sendBody(request: ClientRequest, body: SentBody): Promise<void> {
  const { pipe } = body;
  for (;;) {
    if (request.destroyed) return;
    const chunk = pipe.take(CHUNK_BYTES);
    if (chunk === null) break;
    if (chunk === undefined) await changeOf(request, (wake) => pipe.subscribe(wake));
    else if (!request.write(chunk)) await changeOf(request, (wake) => onDrain(request, wake));
  }
  const { trailers } = body;
  if (trailers !== undefined && request.chunkedEncoding) request.addTrailers(pairsOf(trailers));
  request.end();
}

/** Resolves at the change, or when the connection closes. */
function changeOf(request: ClientRequest, subscribe: (wake: () => void) => () => void): Promise<void> {
  return new Promise((resolve) => {
    let undo: (() => void) | undefined;
    const wake = (): void => {
      undo?.();
      request.removeListener("close", wake);
      resolve();
    };
    request.once("close", wake);
    undo = subscribe(wake);
  });
}

function onDrain(request: ClientRequest, wake: () => void): () => void {
  request.once("drain", wake);
  return () => void request.removeListener("drain", wake);
}

function pairsOf(trailers: Parameters<typeof rawHeadersOf>[0]): [string, string][] {
  return trailers.map((entry) => rawHeadersOf([entry]) as [string, string]);
}
