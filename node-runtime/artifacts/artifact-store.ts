import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WasmletError } from "../../common/errors.ts";
import { PIPELINE_VERSION, readPreparedArtifact, type PreparedArtifact } from "./prepared-artifact.ts";

/** The largest artifact that is accepted. */
const MAX_ARTIFACT_BYTES = 256 * 1024 * 1024;

/** The node's artifacts on disk: `blobs/` as they came, `prepared/` as they run; both named by digest. */
export class ArtifactStore {
  readonly #directory: string;

  /** Makes its folders; throws RUNTIME_CACHE. */
  constructor(directory: string) {
    this.#directory = directory;
    try {
      for (const folder of ["blobs", "prepared", "temp", "volumes"])
        mkdirSync(join(directory, folder), { recursive: true });
    } catch (cause) {
      throw new WasmletError("RUNTIME_CACHE", `the cache folder cannot be written: ${messageOf(cause)}`, {
        where: directory,
        expected: "a folder that can be made and written",
        cause,
      });
    }
  }

  /** Keeps the bytes under their digest and returns it; the file appears whole or not at all. */
  putBlob(bytes: Uint8Array): string {
    const hex = createHash("sha256").update(bytes).digest("hex");
    const file = this.blobFile(`sha256:${hex}`);
    if (!existsSync(file) || statSync(file).size !== bytes.length) {
      const temporary = this.makeTemporary();
      writeFileSync(temporary, bytes);
      renameSync(temporary, file);
    }
    return `sha256:${hex}`;
  }

  blobFile(digest: string): string {
    return join(this.#directory, "blobs", digest.replace(":", "-"));
  }

  /** The folder of what the preparer made of an artifact, with this version of the pipeline. */
  preparedDirectory(digest: string): string {
    return join(this.#directory, "prepared", `${digest.replace(":", "-")}-v${PIPELINE_VERSION}`);
  }

  /** Returns what was prepared before, or undefined; what is damaged is removed. */
  findPrepared(digest: string): PreparedArtifact | undefined {
    const directory = this.preparedDirectory(digest);
    if (!existsSync(directory)) return undefined;
    try {
      const artifact = readPreparedArtifact(directory);
      for (const { file, bytes } of artifact.modules) {
        if (statSync(join(directory, file)).size !== bytes) throw new Error(`${file} has another size`);
      }
      if (artifact.digest === digest) return artifact;
    } catch {
      // Damaged: prepared again below.
    }
    rmSync(directory, { recursive: true, force: true });
    return undefined;
  }

  /** Moves a finished folder of the preparer's to its place; a twin that came first wins. */
  publishPrepared(temporary: string, digest: string): void {
    const directory = this.preparedDirectory(digest);
    try {
      renameSync(temporary, directory);
    } catch (cause) {
      if (!existsSync(directory)) throw cause;
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** A path of its own for something unfinished. */
  makeTemporary(): string {
    return join(this.#directory, "temp", randomUUID());
  }

  /** Removes an app's volumes, secrets and emptyDirs alike: they live as long as the app is on this node. */
  removeVolumes(appId: string): void {
    rmSync(join(this.#directory, "volumes", appId.replace("/", "_")), { recursive: true, force: true });
  }

  /** The folder of one of an app's volumes. */
  volumeDirectory(appId: string, volume: string): string {
    return join(this.#directory, "volumes", appId.replace("/", "_"), volume);
  }
}

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
