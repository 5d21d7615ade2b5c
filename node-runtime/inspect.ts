import { WasmletError } from "../common/errors.ts";
import { readArtifactFile } from "./artifacts/artifact-bytes.ts";
import { ArtifactStore } from "./artifacts/artifact-store.ts";
import type { PreparedArtifact } from "./artifacts/prepared-artifact.ts";
import type { ArtifactProgram } from "./artifacts/artifact-programs.ts";
import { withArtifacts, type HeldPrograms, type RegistrySettings } from "./artifacts/oci-artifacts.ts";
import type { SpinApplication } from "../oci/layouts/contents.ts";
import type { FoundArtifact } from "../oci/pull.ts";
import { checkImports } from "./supervisor/app.ts";
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

/** A program of an artifact. */
export interface InspectedProgram {
  /** Of a Spin application, the component that it is. */
  component?: ArtifactProgram["component"];
  /** What it is, or why it cannot be run here. */
  prepared: PreparedArtifact | WasmletError;
}

/** What an artifact in a registry is, and what its programs are, or why there are none. */
export interface InspectedImage {
  found: FoundArtifact;
  spin?: SpinApplication;
  programs: InspectedProgram[] | WasmletError;
}

/** Brings an artifact here, asking its registry, and prepares its programs. Throws OCI_* errors where it is not even found. */
export async function inspectImage(
  image: string,
  cacheDirectory: string,
  registries: RegistrySettings,
  cacheMaxBytes?: number,
): Promise<InspectedImage> {
  const store = new ArtifactStore(cacheDirectory, cacheMaxBytes === undefined ? {} : { maxBytes: cacheMaxBytes });
  return withArtifacts(store, registries, async (artifacts) => {
    const found = await artifacts.find({ image, policy: "Always" });
    let held: HeldPrograms;
    try {
      held = await artifacts.obtain({ image, policy: "Always" });
    } catch (thrown) {
      if (thrown instanceof WasmletError) return { found, programs: thrown };
      throw thrown;
    }
    const { programs, spin, release } = held;
    const preparer = new Preparer(store);
    const inspect = async ({ digest, component }: ArtifactProgram): Promise<InspectedProgram> => ({
      prepared: await prepareOrReason(preparer, digest, component !== undefined),
      ...(component && { component }),
    });
    const inspected = await Promise.all(programs.map(inspect)).finally(release);
    return { found, programs: inspected, ...(spin && { spin }) };
  });
}

async function prepareOrReason(
  preparer: Preparer,
  digest: string,
  isComponent: boolean,
): Promise<PreparedArtifact | WasmletError> {
  try {
    const prepared = await preparer.prepare(digest);
    checkImports(prepared, isComponent);
    return prepared;
  } catch (thrown) {
    if (thrown instanceof WasmletError) return thrown;
    throw thrown;
  }
}
