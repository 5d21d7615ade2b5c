import { WasmletError } from "../common/errors.ts";
import { readArtifactFile } from "./artifacts/artifact-bytes.ts";
import { ArtifactStore } from "./artifacts/artifact-store.ts";
import type { PreparedArtifact } from "./artifacts/prepared-artifact.ts";
import { withArtifacts, type RegistrySettings } from "./artifacts/oci-artifacts.ts";
import type { FoundArtifact } from "../oci/pull.ts";
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

/** What an artifact in a registry is, and what its program is, or why it cannot be run here. */
export interface InspectedImage {
  found: FoundArtifact;
  program: PreparedArtifact | WasmletError;
}

/** Brings an artifact here, asking its registry, and prepares its program. Throws OCI_* errors where it is not even found. */
export async function inspectImage(
  image: string,
  cacheDirectory: string,
  registries: RegistrySettings,
  cacheMaxBytes?: number,
): Promise<InspectedImage> {
  const store = new ArtifactStore(cacheDirectory, cacheMaxBytes === undefined ? {} : { maxBytes: cacheMaxBytes });
  return withArtifacts(store, registries, async (artifacts) => {
    const found = await artifacts.find({ image, policy: "Always" });
    try {
      const { digest, release } = await artifacts.obtain({ image, policy: "Always" });
      return { found, program: await new Preparer(store).prepare(digest).finally(release) };
    } catch (thrown) {
      if (!(thrown instanceof WasmletError)) throw thrown;
      return { found, program: thrown };
    }
  });
}
