import { WasmletError } from "../common/errors.ts";
import { readArtifactFile } from "./artifacts/artifact-bytes.ts";
import { ArtifactStore } from "./artifacts/artifact-store.ts";
import type { PreparedArtifact } from "./artifacts/prepared-artifact.ts";
import { Preparer } from "./supervisor/preparer.ts";

/** Prepares an artifact (or finds it prepared) and returns what was found in it. Throws ARTIFACT_* and PREPARE_* errors. */
export async function inspectFile(
  file: string,
  cacheDirectory: string,
  cacheMaxBytes?: number,
): Promise<PreparedArtifact> {
  const store = new ArtifactStore(cacheDirectory, cacheMaxBytes === undefined ? {} : { maxBytes: cacheMaxBytes });
  try {
    const { digest, release } = store.hold(readArtifactFile(file));
    return await new Preparer(store).prepare(digest).finally(release);
  } catch (thrown) {
    if (!(thrown instanceof WasmletError) || thrown.details.where !== undefined) throw thrown;
    throw new WasmletError(thrown.code, thrown.message, { ...thrown.details, where: file, cause: thrown });
  }
}
