import { WasmletError } from "../../common/errors.ts";
import {
  checkProgramBlob,
  type SpinApplication,
  type SpinContents,
  type SpinProgram,
} from "../../oci/layouts/contents.ts";
import { fetchContents, pullContents, type FoundArtifact, type PullContext } from "../../oci/pull.ts";
import { formatReference } from "../../oci/reference.ts";
import type { ArtifactStore } from "./artifact-store.ts";

/** One program of an artifact, and what the artifact says about running it. */
export interface ArtifactProgram {
  /** `sha256:…` of the program itself. */
  digest: string;
  args: string[];
  defaultArgs: string[];
  env: [name: string, value: string][];
  /** Files that the program sees, by their plain paths. */
  files: ReadonlyMap<string, Uint8Array>;
  /** What it is in a Spin application. */
  component?: Pick<SpinProgram, "variables" | "allowedOutboundHosts"> & { name: string };
}

/** What an artifact has to run. */
export interface ArtifactPrograms {
  programs: [ArtifactProgram, ...ArtifactProgram[]];
  /** Of a Spin application: what is true for all of its components. Those without a route from outside are no programs. */
  spin?: SpinApplication;
}

type Keepable = Pick<SpinProgram, "wasm" | "args" | "defaultArgs" | "env"> & Partial<SpinProgram>;

/** Brings an artifact's programs into the store. Throws OCI_* errors, ARTIFACT_NOT_WASM and RUNTIME_CACHE. */
export async function readPrograms(
  artifact: FoundArtifact,
  context: PullContext,
  store: ArtifactStore,
): Promise<ArtifactPrograms> {
  const { layout } = artifact.choice;
  const where = formatReference(artifact.reference);
  if (layout.kind === "wasm" && layout.layer.digest.startsWith("sha256:")) {
    // The layer is the program: it stays on the disk, under the digest that it has already.
    await fetchContents(artifact, context);
    const bytes = await context.blobs.open(layout.layer);
    if (bytes !== undefined) {
      await checkProgramBlob(bytes, `${where}: ${layout.layer.mediaType}`);
      const { digest } = layout.layer;
      return { programs: [{ digest, args: [], defaultArgs: [], env: [], files: new Map() }] };
    }
  }
  const contents = await pullContents(artifact, context);
  if (contents.kind === "program") return { programs: [keep(contents, store)] };
  const { name, variables, triggers } = contents;
  const [first, ...others] = reachableComponents(contents, where).map((component): ArtifactProgram => {
    const { id, variables, allowedOutboundHosts } = component;
    return Object.assign(keep(component, store), { component: { name: id, variables, allowedOutboundHosts } });
  });
  return { programs: [first!, ...others], spin: { name, variables, triggers } };
}

function keep({ wasm, args, defaultArgs, env, files = new Map() }: Keepable, store: ArtifactStore): ArtifactProgram {
  const { digest, release } = store.hold(wasm);
  releaseSoon(release);
  return { digest, args, defaultArgs, env, files };
}

/** The components that a request can reach, at least one: what only others of the application call is called by nobody. */
function reachableComponents({ components, triggers }: SpinContents, where: string): SpinProgram[] {
  const routed = new Set(triggers.filter(({ route }) => route !== undefined).map(({ component }) => component));
  const reachable = components.filter(({ id }) => routed.has(id));
  if (reachable.length > 0) return reachable;
  throw new WasmletError("OCI_LAYOUT_UNKNOWN", "the Spin application has no route that can be reached from outside", {
    where,
    expected: "an http trigger whose route is not private",
    fix: "Give one of its components a route.",
  });
}

/** Lets go once everybody who waits for a pull has taken hold of what came. */
export function releaseSoon(release: () => void): void {
  setImmediate(() => {
    try {
      release();
    } catch {
      // The disk takes no note of it: it stays held as long as this process lives.
    }
  });
}
