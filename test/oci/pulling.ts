import { ArtifactStore } from "../../node-runtime/artifacts/artifact-store.ts";
import { withArtifacts } from "../../node-runtime/artifacts/oci-artifacts.ts";

/*
 * Pulls an image into a store, in a process that a test kills: `node pulling.ts FOLDER IMAGE`.
 */

const [folder = "", image = ""] = process.argv.slice(2);
await withArtifacts(new ArtifactStore(folder), {}, (artifacts) => artifacts.obtain({ image }));
