import { WasmletError } from "../../common/errors.ts";
import type { Descriptor, ImageIndex } from "../manifest.ts";

type Entry = ImageIndex["manifests"][number];

/** Which of an index's manifests was chosen, and why. */
export interface PlatformChoice {
  descriptor: Descriptor;
  reason: string;
}

const WASM_ARCHITECTURES = new Set(["wasm", "wasm32"]);
/** Operating systems of WebAssembly images, the one that says most about the program first. */
const SYSTEMS = ["wasip3", "wasip2", "wasi", "wasip1", "wasix", "js"];
const MAX_LISTED = 20;

/** Chooses the manifest for WebAssembly from an index; throws OCI_LAYOUT_UNKNOWN where there is none. Pure. */
export function choosePlatform(index: ImageIndex, where: string): PlatformChoice {
  const entries = index.manifests.filter((entry) => !isAttestation(entry));
  const candidates = entries
    .filter(({ platform }) => platform !== undefined && WASM_ARCHITECTURES.has(platform.architecture.toLowerCase()))
    .sort((a, b) => rankOf(a) - rankOf(b));
  const [best] = candidates;
  if (best !== undefined) {
    const among = entries.length === 1 ? "the only one" : `one of ${entries.length}`;
    return { descriptor: best, reason: `the index's manifest for ${nameOf(best)}, ${among}` };
  }
  const [only] = entries;
  if (only !== undefined && entries.length === 1 && only.platform === undefined) {
    return { descriptor: only, reason: "the index's only manifest" };
  }
  throw new WasmletError("OCI_LAYOUT_UNKNOWN", "the artifact has nothing for WebAssembly among its platforms", {
    where,
    expected: "a manifest for wasi/wasm, wasip1/wasm or wasip2/wasm",
    actual: entries.slice(0, MAX_LISTED).map(nameOf).join(", ") || "an empty index",
    fix: "Build the image for the platform wasi/wasm as well, or name the digest of the manifest that is meant.",
  });
}

/** BuildKit puts what it knows of a build beside the images, under a platform that does not exist. */
function isAttestation({ platform, annotations }: Entry): boolean {
  return annotations?.["vnd.docker.reference.type"] !== undefined || platform?.os === "unknown";
}

function rankOf({ platform }: Entry): number {
  const rank = SYSTEMS.indexOf(platform?.os.toLowerCase() ?? "");
  return rank === -1 ? SYSTEMS.length : rank;
}

function nameOf({ platform }: Entry): string {
  if (platform === undefined) return "no platform";
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join("/");
}
