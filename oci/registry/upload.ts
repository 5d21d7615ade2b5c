import { WasmletError } from "../../common/errors.ts";
import { placeOf } from "./addresses.ts";
import { checkReach } from "./reach.ts";
import { resolveLocation } from "./redirects.ts";
import { withRetries } from "./retry.ts";
import type { Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

/** Bytes to push, which can be read anew for each try. */
export interface BlobContent {
  digest: string;
  size: number;
  bytes: Uint8Array | (() => AsyncIterable<Uint8Array>);
}

/** How a blob came to be in the repository. */
export type UploadOutcome = "present" | "mounted" | "uploaded";

/**
 * Brings a blob into the session's repository, unless it is there: mounted from `mountFrom` of the same registry where
 * that has it, else uploaded in one piece (distribution-spec, #push). Throws OCI_* errors.
 */
export async function uploadBlob(
  session: Session,
  content: BlobContent,
  mountFrom?: string,
  signal?: AbortSignal,
): Promise<UploadOutcome> {
  const { digest } = content;
  const what = `the blob ${digest}`;
  const found = await session.send({
    method: "HEAD",
    target: `blobs/${digest}`,
    what,
    accepted: [200, 404],
    signal,
  });
  found.discard();
  if (found.status === 200) return "present";
  // An upload's address is good for one try: the whole is tried again, from asking for one.
  return withRetries(() => begin(session, content, mountFrom, signal), { timing: session.timing, signal });
}

async function begin(
  session: Session,
  content: BlobContent,
  mountFrom: string | undefined,
  signal: AbortSignal | undefined,
): Promise<UploadOutcome> {
  const what = `the upload of the blob ${content.digest}`;
  const start = session.urlOf("blobs/uploads/");
  if (mountFrom !== undefined) {
    start.searchParams.set("mount", content.digest);
    start.searchParams.set("from", mountFrom);
  }
  const opened = await session.send({
    method: "POST",
    target: start,
    what,
    accepted: [201, 202],
    headers: { "content-length": "0" },
    maxAttempts: 1,
    signal,
  });
  opened.discard();
  if (opened.status === 201) return "mounted";
  const target = uploadAddress(session, opened);
  target.searchParams.set("digest", content.digest);
  const done = await session.send({
    method: "PUT",
    target,
    what,
    accepted: [201],
    headers: { "content-type": "application/octet-stream", "content-length": String(content.size) },
    body: content.bytes,
    maxAttempts: 1,
    signal,
  });
  done.discard();
  return "uploaded";
}

function uploadAddress(session: Session, opened: HttpResponse): URL {
  const location = opened.header("location");
  if (location === undefined) {
    throw new WasmletError("OCI_RESPONSE_INVALID", "the registry opens an upload and does not say where", {
      where: placeOf(opened.url),
      expected: "a Location header",
    });
  }
  const target = resolveLocation(location, opened.url);
  checkReach(target, opened.url, session.allowsPlainHttp);
  return target;
}
