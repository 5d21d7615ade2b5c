import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { messageOf, WasmletError } from "../../common/errors.ts";

/** The largest artifact that is accepted. */
const MAX_ARTIFACT_BYTES = 256 * 1024 * 1024;

/** Reads an artifact's file; throws ARTIFACT_MISSING or ARTIFACT_TOO_LARGE. */
export function readArtifactFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_ARTIFACT_BYTES) throw tooLarge(size, path);
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof WasmletError) throw cause;
    throw new WasmletError("ARTIFACT_MISSING", `the artifact cannot be read: ${messageOf(cause)}`, {
      where: path,
      cause,
    });
  }
}

/** Fetches an artifact and checks its digest; throws ARTIFACT_FETCH_FAILED, _TOO_LARGE or _DIGEST_MISMATCH. */
export async function fetchArtifact(url: string, sha256: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const response = await fetch(url, { signal, redirect: "follow" });
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > MAX_ARTIFACT_BYTES) throw tooLarge(size, url);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof WasmletError) throw cause;
    throw new WasmletError("ARTIFACT_FETCH_FAILED", `the artifact cannot be fetched: ${messageOf(cause)}`, {
      where: url,
      cause,
    });
  }
  const bytes = Buffer.concat(chunks);
  const actual = createHash("sha256").update(bytes).digest("hex");
  const expected = sha256.replace(/^sha256:/, "");
  if (actual === expected) return bytes;
  throw new WasmletError("ARTIFACT_DIGEST_MISMATCH", "the artifact has another digest than spec.source.http.sha256", {
    where: url,
    expected,
    actual,
  });
}

function tooLarge(size: number, where: string): WasmletError {
  return new WasmletError("ARTIFACT_TOO_LARGE", `the artifact is larger than ${MAX_ARTIFACT_BYTES} bytes`, {
    where,
    expected: `at most ${MAX_ARTIFACT_BYTES} bytes`,
    actual: `${size} bytes or more`,
  });
}
