import { buffer } from "node:stream/consumers";
import * as v from "valibot";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { essenceOf } from "../media-types.ts";
import type { SimpleSignature } from "./signature.ts";

/*
 * Signatures as cosign 2 keeps them beside an artifact (cosign, specs/SIGNATURE_SPEC.md): under the tag `sha256-<hex>.sig` of
 * its repository lies a manifest whose layers are what was signed, each with its signature as an annotation. What was
 * signed names the digest of the artifact.
 */

const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";
const CERTIFICATE = "dev.sigstore.cosign/certificate";
const CHAIN = "dev.sigstore.cosign/chain";
const LOG_ENTRY = "dev.sigstore.cosign/bundle";
const TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp";
const MAX_SIGNATURES = 64;
const MAX_PAYLOAD_BYTES = 64 * 1024;

const Payload = v.object({
  critical: v.object({
    type: v.picklist(["cosign container image signature", "atomic container signature"]),
    image: v.object({ "docker-manifest-digest": v.string() }),
  }),
});

/** Returns the tag under which the signatures of a digest lie. */
export function signatureTag(digest: string): string {
  return `${digest.replace(":", "-")}.sig`;
}

/** Returns the blobs of what was signed; the rest of such a manifest is not needed. */
export function payloadsOf({ layers }: ImageManifest): Descriptor[] {
  return layers
    .filter(({ mediaType, size }) => essenceOf(mediaType) === PAYLOAD_TYPE && size <= MAX_PAYLOAD_BYTES)
    .slice(0, MAX_SIGNATURES);
}

/** Reads signatures from their blobs, which `open` has verified. */
export async function readSignatures(
  payloads: readonly Descriptor[],
  open: (descriptor: Descriptor) => Promise<AsyncIterable<Uint8Array>>,
): Promise<SimpleSignature[]> {
  const signatures: SimpleSignature[] = [];
  for (const payload of payloads) {
    const { annotations = {} } = payload;
    signatures.push({
      payload: await buffer(await open(payload)),
      signature: Buffer.from(annotations[SIGNATURE] ?? "", "base64"),
      certificate: annotations[CERTIFICATE],
      chain: annotations[CHAIN],
      logEntry: annotations[LOG_ENTRY],
      timestamp: annotations[TIMESTAMP],
    });
  }
  return signatures;
}

/** Returns the digest of the artifact that a payload names; undefined where it is another kind of payload. */
export function digestIn(payload: Uint8Array): string | undefined {
  try {
    const { critical } = v.parse(Payload, JSON.parse(Buffer.from(payload).toString("utf8")));
    return critical.image["docker-manifest-digest"].slice(0, 256);
  } catch {
    return undefined;
  }
}
