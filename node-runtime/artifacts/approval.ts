import { WasmletError } from "../../common/errors.ts";
import type { PolicyRule } from "../../oci/policy/policy.ts";
import type { Signature, UnreadableSignature } from "../../oci/policy/signature.ts";
import {
  findSignatures,
  readSignatureManifest,
  type SignatureManifest,
  type SignedReference,
} from "../../oci/policy/signature-manifests.ts";
import { checkSignatures } from "../../oci/policy/signatures.ts";
import { signatureTag } from "../../oci/policy/simple-signing.ts";
import type { FoundArtifact, PullContext } from "../../oci/pull.ts";
import type { Reference } from "../../oci/reference.ts";
import type { Tags } from "./tags.ts";

/**
 * Checks that an artifact has the signature that a rule wants; returns the digests of what has to stay to check it again.
 * Signatures that are kept and good are not asked for again. Throws OCI_POLICY_REFUSED and what pulling throws.
 */
export async function approveArtifact(
  rule: PolicyRule,
  { reference, digest }: FoundArtifact,
  context: PullContext,
  tags: Tags,
): Promise<string[]> {
  if (rule.signers.length === 0) return [];
  const { registry, repository } = reference;
  const artifact: SignedReference = { registry, repository, digest };
  // Remembered there is what was good, wherever it was found.
  const place: Reference = { registry, repository, tag: signatureTag(digest) };
  const known = tags.find(place);
  if (known !== undefined) {
    try {
      return await check([await readSignatureManifest(artifact, { registry, repository, digest: known }, context)]);
    } catch (thrown) {
      // There may be a newer signature than the one that is kept, or the kept one is gone.
      const code = thrown instanceof WasmletError ? thrown.code : undefined;
      if (code !== "OCI_POLICY_REFUSED" && code !== "OCI_NOT_FOUND" && code !== "ARTIFACT_MISSING") throw thrown;
    }
  }
  return check(findSignatures(artifact, context));

  async function check(manifests: Iterable<SignatureManifest> | AsyncIterable<SignatureManifest>): Promise<string[]> {
    let kept: string[] = [];
    await checkSignatures(rule, digest, each(), `${registry}/${repository}`);
    if (kept[0] !== undefined) tags.note(place, kept[0]);
    return kept;

    /** Whoever finds a good one asks for no more: it is in the last manifest that was read. */
    async function* each(): AsyncGenerator<Signature | UnreadableSignature> {
      for await (const { digests, signatures } of manifests) {
        kept = digests;
        yield* signatures;
      }
    }
  }
}
