import { WasmletError } from "../common/errors.ts";
import { ArtifactStore, readArtifactFile } from "./artifacts/artifact-store.ts";
import type { PreparedArtifact } from "./artifacts/prepared-artifact.ts";
import { Preparer } from "./supervisor/preparer.ts";

/** Prepares an artifact (or finds it prepared) and returns what was found in it. Throws ARTIFACT_* and PREPARE_* errors. */
export async function inspectFile(file: string, cacheDirectory: string): Promise<PreparedArtifact> {
  const store = new ArtifactStore(cacheDirectory);
  try {
    return await new Preparer(store).prepare(store.putBlob(readArtifactFile(file)));
  } catch (thrown) {
    if (!(thrown instanceof WasmletError) || thrown.details.where !== undefined) throw thrown;
    throw new WasmletError(thrown.code, thrown.message, { ...thrown.details, where: file, cause: thrown });
  }
}
