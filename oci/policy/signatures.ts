import { verify } from "node:crypto";
import * as v from "valibot";
import { buffer } from "node:stream/consumers";
import { WasmletError } from "../../common/errors.ts";
import type { Descriptor, ImageManifest } from "../manifest.ts";
import { essenceOf } from "../media-types.ts";
import type { PolicyCertificate, PolicyKey, PolicyRule } from "./policy.ts";

/*
 * Signatures as cosign keeps them beside an artifact (cosign, specs/SIGNATURE_SPEC.md): under the tag `sha256-<hex>.sig` of
 * its repository lies a manifest whose layers are what was signed, each with its signature as an annotation. What was
 * signed names the digest of the artifact.
 */

const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";
const CERTIFICATE = "dev.sigstore.cosign/certificate";
const LOG_ENTRY = "dev.sigstore.cosign/bundle";
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
  /** The signer's certificate in PEM, where it is by one. */
  certificate?: string | undefined;
  /** The entry of a transparency log, in JSON. */
  logEntry?: string | undefined;
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
    const { [CERTIFICATE]: certificate, [LOG_ENTRY]: logEntry } = payload.annotations ?? {};
    signatures.push({ payload: await buffer(await open(payload)), signature, certificate, logEntry });
  }
  return signatures;
}

/**
 * Returns the name of the signer by whom one of the signatures is good for the artifact. Throws OCI_POLICY_REFUSED, which
 * names the rule and says what each signature lacks.
 */
export async function checkSignatures(
  { name, signers }: PolicyRule,
  digest: string,
  signatures: readonly Signature[],
  where: string,
  now = new Date(),
): Promise<string> {
  const flaws = new Set<string>();
  for (const signature of signatures) {
    const signed = digestIn(signature.payload);
    if (signed !== digest) flaws.add(`a signature of ${signed ?? "something else"}`);
    else {
      for (const signer of signers) {
        const flaw = await flawOf(signer, signature, now);
        if (flaw === undefined) return signer.name;
        flaws.add(flaw);
      }
    }
  }
  throw new WasmletError(
    "OCI_POLICY_REFUSED",
    `the rule "${name}" of the policy wants a signature that the artifact lacks`,
    {
      where: `${where}: ${digest}`,
      expected: `a signature by ${signers.map((signer) => signer.name).join(" or ")}`,
      actual: [...flaws].slice(0, 5).join(", ") || "no signature",
      fix: "Sign it with `cosign sign --key KEY REF`, or change the policy.",
    },
  );
}

async function flawOf(
  signer: PolicyKey | PolicyCertificate,
  signature: Signature,
  now: Date,
): Promise<string | undefined> {
  if (signer.kind === "key") {
    return isSignedBy(signer.key, signature.payload, signature.signature) ? undefined : "a signature by another key";
  }
  // Sigstore's library takes longer to load than most policies need it.
  const { certificateFlaw } = await import("./certificates.ts");
  return certificateFlaw(signer, signature, now);
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
