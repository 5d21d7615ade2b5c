import { WasmletError } from "../../common/errors.ts";
import type { PolicyRule } from "../../oci/policy/policy.ts";
import { checkSignatures, payloadsOf, readSignatures, signatureTag } from "../../oci/policy/signatures.ts";
import { obtainBlob, obtainManifest, type FoundArtifact, type PullContext } from "../../oci/pull.ts";
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
  const where = `${registry}/${repository}`;
  const place: Reference = { registry, repository, tag: signatureTag(digest) };
  const known = tags.find(place);
  try {
    return await check(known === undefined ? place : { ...place, digest: known });
  } catch (thrown) {
    const code = thrown instanceof WasmletError ? thrown.code : undefined;
    // There may be a newer signature than the one that is kept.
    if (known !== undefined && code === "OCI_POLICY_REFUSED") return check(place);
    if (code !== "OCI_NOT_FOUND" && code !== "ARTIFACT_MISSING") throw thrown;
    await checkSignatures(rule, digest, [], where);
    throw thrown;
  }

  async function check(signatures: Reference): Promise<string[]> {
    const manifest = await obtainManifest(signatures, context);
    const payloads = manifest.content.kind === "manifest" ? payloadsOf(manifest.content.manifest) : [];
    const read = await readSignatures(payloads, (payload) => obtainBlob(signatures, payload, context));
    await checkSignatures(rule, digest, read, where);
    tags.note(place, manifest.digest);
    return [manifest.digest, ...payloads.map((payload) => payload.digest)];
  }
}
