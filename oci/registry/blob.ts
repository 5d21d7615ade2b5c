import { WasmletError } from "../../common/errors.ts";
import { RunningDigest } from "../digest.ts";
import type { Descriptor } from "../manifest.ts";
import { MAX_ATTEMPTS, pauseAfter } from "./retry.ts";
import type { Session } from "./session.ts";
import { TransientError } from "./transient-error.ts";
import type { HttpResponse } from "./transport.ts";

/** Times that a blob is taken up again where it broke off, as long as some of it comes each time. */
const MAX_RESUMES = 16;

/** From this size on, a blob is worth a connection of its own. */
const LARGE_BYTES = 1024 * 1024;

/** How a blob is fetched. */
export interface BlobOptions {
  signal?: AbortSignal | undefined;
  /** Opens what is there of it already, if anything is: it is hashed like the rest, which alone is asked for. */
  beginning?: () => Promise<AsyncIterable<Uint8Array> | undefined>;
}

/**
 * Yields a blob's bytes as they come and ends only when all of them are there and have the digest: what was yielded must
 * not be used before that. A transfer that breaks off is taken up where it broke (RFC 9110, 14). Throws OCI_* errors.
 */
export async function* streamBlob(
  session: Session,
  descriptor: Descriptor,
  { signal, beginning }: BlobOptions = {},
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor;
  const where = session.placeOf(`blobs/${digest}`);
  const hash = new RunningDigest(digest);
  let received = 0;
  let failures = 0;
  for await (const chunk of (await beginning?.()) ?? []) {
    const known = chunk.subarray(0, size - received);
    received += known.length;
    hash.update(known);
    yield known;
  }
  let isWhole = received > 0 && received === size;
  for (let resumes = 0; !isWhole; resumes++) {
    const before = received;
    try {
      const response = await request(session, descriptor, received, signal);
      for await (const chunk of bodyFrom(response, received, size, where)) {
        received += chunk.length;
        hash.update(chunk);
        yield chunk;
      }
      if (received < size) throw cutShort(received, size, where);
      isWhole = true;
    } catch (thrown) {
      failures = received > before ? 1 : failures + 1;
      const isOver = failures >= MAX_ATTEMPTS || resumes >= MAX_RESUMES || session.endpoint.isMirror;
      const pauseMs = isOver ? undefined : pauseAfter(thrown, failures, session.timing.random());
      if (pauseMs === undefined) throw thrown;
      await session.timing.delay(pauseMs, signal);
    }
  }
  const actual = hash.finish();
  if (actual !== digest) {
    throw new WasmletError("OCI_DIGEST_MISMATCH", "a blob of the artifact is not what its manifest says", {
      where,
      expected: digest,
      actual,
    });
  }
}

function request(
  session: Session,
  { digest, size }: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  return session.send({
    method: "GET",
    target: `blobs/${digest}`,
    what: `the blob ${digest} of ${session.endpoint.registry}/${session.repository}`,
    accepted: offset === 0 ? [200] : [200, 206],
    isLarge: size - offset >= LARGE_BYTES,
    headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    // Whoever takes up what broke off tries again itself.
    maxAttempts: 1,
    signal,
  });
}

/** Yields what is missing from `offset` on, never more than `size` in all; the response is done with afterwards. */
async function* bodyFrom(
  response: HttpResponse,
  offset: number,
  size: number,
  where: string,
): AsyncGenerator<Uint8Array> {
  // A server without ranges begins anew: what is known already is passed over.
  let skip = response.status === 206 ? 0 : offset;
  let position = offset - skip;
  try {
    if (response.status === 206) checkRange(response.header("content-range"), offset, size, where);
    const announced = response.header("content-length");
    if (announced !== undefined && position + Number(announced) !== size) {
      throw otherSize(`${position + Number(announced)} bytes`, size, where);
    }
    for await (const chunk of response.body) {
      position += chunk.length;
      if (position > size) throw otherSize(`more than ${size} bytes`, size, where);
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  } finally {
    response.discard();
  }
}

function checkRange(range: string | undefined, offset: number, size: number, where: string): void {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "") ?? [];
  if (Number(first) === offset && (total === "*" || Number(total) === size)) return;
  throw new WasmletError(
    "OCI_RESPONSE_INVALID",
    "the registry answers with another part of the blob than was asked for",
    {
      where,
      expected: `Content-Range: bytes ${offset}-${size - 1}/${size}`,
      actual: range?.slice(0, 100) ?? "no Content-Range",
    },
  );
}

function otherSize(actual: string, size: number, where: string): WasmletError {
  const message = "a blob of the artifact has another size than its manifest says";
  return new WasmletError("OCI_SIZE_MISMATCH", message, { where, expected: `${size} bytes`, actual });
}

/** The end came too early; without a length that said so, the transfer may have broken off. */
function cutShort(received: number, size: number, where: string): WasmletError {
  return new TransientError("OCI_SIZE_MISMATCH", "a blob of the artifact ends before its size", {
    where,
    expected: `${size} bytes`,
    actual: `${received} bytes`,
  });
}
