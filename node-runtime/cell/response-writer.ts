import type { ServerResponse } from "node:http";
import { WasmletError } from "../../common/errors.ts";
import type { ResponseOutcome } from "../wasi/http/response.ts";

type GuestResponse = Extract<ResponseOutcome, { kind: "response" }>;

/** Bytes taken from the guest's body at a time. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes a guest's response as it comes, holding the guest back while the client reads slowly. Resolves true when all of
 * it was sent; false when the guest gave up in the middle or the client went away, and the connection was cut. Throws
 * GUEST_RESPONSE_INCOMPLETE when the guest did not write what it declared.
 */
export async function writeResponse(response: ServerResponse, guest: GuestResponse): Promise<boolean> {
  const { body } = guest;
  const gone = once(response, "close");
  const hasBody = response.req.method !== "HEAD" && guest.status !== 204 && guest.status !== 304;
  const declaredBytes = hasBody ? declaredBytesOf(guest.headers) : undefined;
  let sentBytes = 0;
  response.statusCode = guest.status;
  setFields(response, guest.headers);
  try {
    for (;;) {
      const chunk = body.take(CHUNK_BYTES);
      if (chunk === null) break;
      if (response.destroyed) {
        body.cancel();
        return false;
      }
      if (chunk === undefined) {
        if (!response.headersSent) await settleFirst(response, body);
        else await Promise.race([new Promise<void>((wake) => body.subscribe(wake)), gone]);
        continue;
      }
      sentBytes += chunk.length;
      if (!response.write(chunk)) await Promise.race([once(response, "drain"), gone]);
    }
  } catch (thrown) {
    if (thrown instanceof WasmletError) throw thrown;
    if (hasBody) {
      response.destroy(); // a body that ends early must not look complete
      return false;
    }
  }
  if (declaredBytes !== undefined && sentBytes !== declaredBytes) {
    throw incompleteResponse(`the guest declared a body of ${declaredBytes} bytes and wrote ${sentBytes}`);
  }
  const trailers = await guest.trailers;
  if (trailers !== undefined && trailers.length > 0) addTrailers(response, trailers);
  response.end();
  return true;
}

/** Returns the error of a guest whose response breaks off; what was sent of it must be cut. */
export function incompleteResponse(message: string): WasmletError {
  return new WasmletError("GUEST_RESPONSE_INCOMPLETE", message);
}

/** The length that the headers say; undefined without one. */
function declaredBytesOf(fields: GuestResponse["headers"]): number | undefined {
  const values = fields.filter(([name]) => name.toLowerCase() === "content-length");
  const texts = new Set(values.map(([, value]) => Buffer.from(value).toString("latin1")));
  const [text] = texts;
  if (text === undefined) return undefined;
  if (texts.size === 1 && /^\d{1,15}$/.test(text)) return Number(text);
  throw incompleteResponse(`the guest declared a body of ${[...texts].join(" and ").slice(0, 100)} bytes`);
}

/** Nothing of the body is there yet: send the headers now, unless the body comes within this turn of the event loop. */
async function settleFirst(response: ServerResponse, body: GuestResponse["body"]): Promise<void> {
  let woken = false;
  const changed = new Promise<void>((wake) => body.subscribe(() => ((woken = true), wake())));
  await new Promise<void>((resume) => setImmediate(resume));
  if (woken) return;
  response.flushHeaders();
  await Promise.race([changed, once(response, "close")]);
}

function setFields(response: ServerResponse, fields: GuestResponse["headers"]): void {
  const byName = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const values = byName.get(name);
    const text = Buffer.from(value).toString("latin1");
    if (values === undefined) byName.set(name, [text]);
    else values.push(text);
  }
  for (const [name, values] of byName) response.setHeader(name, values.length === 1 ? values[0]! : values);
}

function addTrailers(response: ServerResponse, fields: Awaited<GuestResponse["trailers"]> & {}): void {
  response.addTrailers(fields.map(([name, value]): [string, string] => [name, Buffer.from(value).toString("latin1")]));
}

function once(response: ServerResponse, event: "drain" | "close"): Promise<void> {
  return new Promise((resolve) => response.once(event, () => resolve()));
}
