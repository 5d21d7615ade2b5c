import { buffer } from "node:stream/consumers";
import type { ErrorCode } from "../../common/error-codes.ts";
import { WasmletError } from "../../common/errors.ts";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { EMPTY_CONFIG, essenceOf } from "../media-types.ts";
import { obtainBlob, obtainManifest, type PullContext } from "../pull.ts";
import type { Reference } from "../reference.ts";
import type { Signature, UnreadableSignature } from "./signature.ts";
import { payloadsOf, readSignatures, signatureTag } from "./simple-signing.ts";

/** A manifest of signatures that lies beside an artifact. */
export interface SignatureManifest {
  /** Digests of what has to be kept to read it again: its own is the first. */
  digests: string[];
  signatures: (Signature | UnreadableSignature)[];
}

/** An artifact whose signatures are read. */
export interface SignedReference extends Reference {
  digest: string;
}

const BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d\.\d+)?\+json$/;
/** Tools that know no artifact types list what they push under the type of its configuration. */
const LISTED_AS: ReadonlySet<string | undefined> = new Set([undefined, EMPTY_CONFIG]);
const MAX_BUNDLES = 64;
const MAX_BUNDLE_BYTES = 256 * 1024;

/** What is wrong with one signature and says nothing of the others. */
const FAULTY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "OCI_DIGEST_MISMATCH",
  "OCI_MANIFEST_INVALID",
  "OCI_NOT_FOUND",
  "OCI_SIZE_MISMATCH",
  "OCI_TOO_LARGE",
]);

/**
 * Yields what the registry has of an artifact's signatures, one manifest after another as they are asked for: bundles that
 * refer to it first, then what lies under its tag for signatures. Throws OCI_* errors of a registry that does not answer.
 */
export async function* findSignatures(
  artifact: SignedReference,
  context: PullContext,
): AsyncGenerator<SignatureManifest> {
  const { registry, repository } = artifact;
  const bundles = (await context.client.referrers(artifact, context.signal)).filter(mayBeBundle);
  for (const { digest } of bundles.slice(0, MAX_BUNDLES)) {
    yield await orFlaw(() => readSignatureManifest(artifact, { registry, repository, digest }, context));
  }
  if (bundles.length > MAX_BUNDLES) {
    yield flawed(`${bundles.length} bundles, of which the first ${MAX_BUNDLES} were read`);
  }
  const tagged = { registry, repository, tag: signatureTag(artifact.digest) };
  try {
    yield await readSignatureManifest(artifact, tagged, context);
  } catch (thrown) {
    const code = thrown instanceof WasmletError ? thrown.code : undefined;
    if (code !== "OCI_NOT_FOUND" && code !== "ARTIFACT_MISSING") throw thrown;
  }
}

/** Reads a manifest of signatures of either kind. Throws OCI_* errors. */
export async function readSignatureManifest(
  artifact: SignedReference,
  reference: Reference,
  context: PullContext,
): Promise<SignatureManifest> {
  const { digest, content } = await obtainManifest(reference, context);
  if (content.kind !== "manifest") return { digests: [digest], signatures: [] };
  const open = (blob: Descriptor): Promise<AsyncIterable<Uint8Array>> => obtainBlob(reference, blob, context);
  const bundle = bundleIn(content.manifest);
  if (bundle === undefined) {
    const payloads = payloadsOf(content.manifest);
    const digests = [digest, ...payloads.map((payload) => payload.digest)];
    return { digests, signatures: await readSignatures(payloads, open) };
  }
  if (bundle.size > MAX_BUNDLE_BYTES) return flawed(`a bundle of ${bundle.size} bytes, more than is read`);
  const kept = await context.blobs.open(artifact);
  const manifest = kept === undefined ? (await context.client.manifest(artifact)).bytes : await buffer(kept);
  const bytes = await buffer(await open(bundle));
  // Sigstore's library takes longer to load than most artifacts need it.
  const { readBundle } = await import("./bundles.ts");
  return { digests: [digest, bundle.digest], signatures: [readBundle(bytes, { digest: artifact.digest, manifest })] };
}

function mayBeBundle({ artifactType }: Descriptor): boolean {
  return LISTED_AS.has(artifactType) || BUNDLE_TYPE.test(essenceOf(artifactType ?? ""));
}

function bundleIn({ layers: [layer, ...others] }: ImageManifest): Descriptor | undefined {
  return layer !== undefined && others.length === 0 && BUNDLE_TYPE.test(essenceOf(layer.mediaType)) ? layer : undefined;
}

async function orFlaw(read: () => Promise<SignatureManifest>): Promise<SignatureManifest> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof WasmletError) || !FAULTY.has(thrown.code)) throw thrown;
    return flawed(`a bundle that cannot be read (${thrown.code})`);
  }
}

function flawed(flaw: string): SignatureManifest {
  return { digests: [], signatures: [{ flaw }] };
}
