import { verify } from "node:crypto";
import * as v from "valibot";
import { buffer } from "node:stream/consumers";
import { WasmletError } from "../../common/errors.ts";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { essenceOf } from "../media-types.ts";
import type { PolicyKey, PolicyRule } from "./policy.ts";

/*
 * Signatures as cosign keeps them beside an artifact (cosign, specs/SIGNATURE_SPEC.md): under the tag `sha256-<hex>.sig` of
 * its repository lies a manifest whose layers are what was signed, each with its signature as an annotation. What was
 * signed names the digest of the artifact.
 */

const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";
const MAX_SIGNATURES = 64;
const MAX_PAYLOAD_BYTES = 64 * 1024;

const Payload = v.object({
  critical: v.object({
    type: v.picklist(["cosign container image signature", "atomic container signature"]),
    image: v.object({ "docker-manifest-digest": v.string() }),
  }),
});

/** What was signed, and the signature. */
export interface Signature {
  payload: Uint8Array;
  signature: Uint8Array;
}

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
): Promise<Signature[]> {
  const signatures: Signature[] = [];
  for (const payload of payloads) {
    const signature = Buffer.from(payload.annotations?.[SIGNATURE] ?? "", "base64");
    signatures.push({ payload: await buffer(await open(payload)), signature });
  }
  return signatures;
}

/**
 * Returns the name of the key by which one of the signatures is good for the artifact. Throws OCI_POLICY_REFUSED, which
 * names the rule and says what each signature lacks. Pure.
 */
export function checkSignatures(
  { name, keys }: PolicyRule,
  digest: string,
  signatures: readonly Signature[],
  where: string,
): string {
  const flaws = new Set<string>();
  for (const { payload, signature } of signatures) {
    const signer = keys.find(({ key }) => isSignedBy(key, payload, signature));
    const signed = digestIn(payload);
    if (signer !== undefined && signed === digest) return signer.name;
    flaws.add(signer === undefined ? "a signature by another key" : `a signature of ${signed ?? "something else"}`);
  }
  throw new WasmletError(
    "OCI_POLICY_REFUSED",
    `the rule "${name}" of the policy wants a signature that the artifact lacks`,
    {
      where: `${where}: ${digest}`,
      expected: `a signature by ${keys.map((key) => key.name).join(" or ")}`,
      actual: [...flaws].slice(0, 5).join(", ") || "no signature",
      fix: "Sign it with `cosign sign --key KEY REF`, or change the policy.",
    },
  );
}

/** Ed25519 brings its own hash; the others sign with SHA-256, as the specification has it. */
function isSignedBy(key: PolicyKey["key"], payload: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key, signature);
  } catch {
    return false; // bytes that are no signature of such a key
  }
}

function digestIn(payload: Uint8Array): string | undefined {
  try {
    const { critical } = v.parse(Payload, JSON.parse(Buffer.from(payload).toString("utf8")));
    return critical.image["docker-manifest-digest"].slice(0, 256);
  } catch {
    return undefined; // another kind of payload
  }
}
