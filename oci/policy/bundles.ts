import { createHash } from "node:crypto";
import { assertBundle, type Bundle } from "@sigstore/bundle";
import { Bundle as BundleMessage, HashAlgorithm } from "@sigstore/protobuf-specs";
import * as v from "valibot";
import { messageOf } from "../../common/errors.ts";
import type { BundledSignature, UnreadableSignature } from "./signature.ts";

/*
 * Signatures as cosign 3 keeps them (cosign, specs/BUNDLE_SPEC.md): an artifact that refers to the signed one, with one
 * layer, a bundle of sigstore's (sigstore, client-spec). Signed in it is either
 *
 *   - a statement of in-toto in an envelope (DSSE), which names the digest of the artifact among its subjects, with the
 *     predicate type of cosign's `sign`: another one, such as who built it, is no signature; or
 *   - the artifact's manifest itself.
 */

const PREDICATE_TYPE = "https://sigstore.dev/cosign/sign/v1";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const MAX_SUBJECTS = 256;
const MAX_SHOWN_LENGTH = 200;
const HASHES: Readonly<Partial<Record<HashAlgorithm, string>>> = {
  [HashAlgorithm.SHA2_256]: "sha256",
  [HashAlgorithm.SHA2_384]: "sha384",
  [HashAlgorithm.SHA2_512]: "sha512",
};

const Statement = v.object({
  _type: v.picklist(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]),
  subject: v.pipe(
    v.array(v.object({ digest: v.record(v.string(), v.string()) })),
    v.minLength(1),
    v.maxLength(MAX_SUBJECTS),
  ),
  predicateType: v.string(),
});

/** What a bundle is said to sign. */
export interface SignedArtifact {
  digest: string;
  manifest: Uint8Array;
}

/** Reads the signature in a bundle; whether it is good is not looked at here. */
export function readBundle(bytes: Uint8Array, artifact: SignedArtifact): BundledSignature | UnreadableSignature {
  try {
    const bundle = BundleMessage.fromJSON(JSON.parse(Buffer.from(bytes).toString("utf8")));
    assertBundle(bundle);
    return { bundle, ...contentOf(bundle, artifact) };
  } catch (thrown) {
    return { flaw: `a bundle that does not do: ${messageOf(thrown).slice(0, MAX_SHOWN_LENGTH)}` };
  }
}

function contentOf(bundle: Bundle, artifact: SignedArtifact): Omit<BundledSignature, "bundle"> {
  const { content } = bundle;
  if (content.$case === "messageSignature") {
    const { messageDigest, signature } = content.messageSignature;
    const algorithm = HASHES[messageDigest.algorithm];
    if (algorithm === undefined) throw new Error("its digest is of an unknown algorithm");
    const actual = createHash(algorithm).update(artifact.manifest).digest();
    const digest = actual.equals(messageDigest.digest)
      ? artifact.digest
      : `${algorithm}:${messageDigest.digest.toString("hex").slice(0, MAX_SHOWN_LENGTH)}`;
    return { digest, payload: artifact.manifest, signature };
  }
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  if (payloadType !== PAYLOAD_TYPE) throw new Error(`its payload is ${payloadType.slice(0, MAX_SHOWN_LENGTH)}`);
  return {
    digest: subjectOf(payload, artifact.digest),
    payload: encodeForSigning(payloadType, payload),
    signature: signatures[0]!.sig,
  };
}

/** Returns the subject that is the artifact, or the first one where none is. */
function subjectOf(payload: Buffer, digest: string): string {
  const { subject, predicateType } = v.parse(Statement, JSON.parse(payload.toString("utf8")));
  if (predicateType !== PREDICATE_TYPE) {
    throw new Error(`it says something else than a signature: ${predicateType.slice(0, MAX_SHOWN_LENGTH)}`);
  }
  const named = subject.flatMap((one) => Object.entries(one.digest).map(([algorithm, hex]) => `${algorithm}:${hex}`));
  return named.includes(digest) ? digest : (named[0] ?? "nothing").slice(0, MAX_SHOWN_LENGTH);
}

/** What is signed of an envelope (secure-systems-lab/dsse, protocol.md). */
function encodeForSigning(payloadType: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
