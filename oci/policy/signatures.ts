import { verify, type KeyObject } from "node:crypto";
import { WasmletError } from "../../common/errors.ts";
import type { PolicyCertificate, PolicyKey, PolicyRule } from "./policy.ts";
import type { Signature, UnreadableSignature } from "./signature.ts";
import { digestIn } from "./simple-signing.ts";

/** Flaws that are shown of all that signatures have. */
const MAX_SHOWN_FLAWS = 5;

/**
 * Returns the name of the signer by whom one of the signatures is good for the artifact; those after it are not asked for.
 * Throws OCI_POLICY_REFUSED, which names the rule and says what each signature lacks.
 */
export async function checkSignatures(
  { name, signers }: PolicyRule,
  digest: string,
  signatures: Iterable<Signature | UnreadableSignature> | AsyncIterable<Signature | UnreadableSignature>,
  where: string,
  now = new Date(),
): Promise<string> {
  const flaws = new Set<string>();
  for await (const signature of signatures) {
    if ("flaw" in signature) {
      flaws.add(signature.flaw);
      continue;
    }
    const signed = "bundle" in signature ? signature.digest : digestIn(signature.payload);
    if (signed !== digest) {
      flaws.add(`a signature of ${signed ?? "something else"}`);
      continue;
    }
    for (const signer of signers) {
      const flaw = await flawOf(signer, signature, now);
      if (flaw === undefined) return signer.name;
      flaws.add(flaw);
    }
  }
  throw new WasmletError(
    "OCI_POLICY_REFUSED",
    `the rule "${name}" of the policy wants a signature that the artifact lacks`,
    {
      where: `${where}: ${digest}`,
      expected: `a signature by ${signers.map((signer) => signer.name).join(" or ")}`,
      actual: [...flaws].slice(0, MAX_SHOWN_FLAWS).join(", ") || "no signature",
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

function isSignedBy(key: KeyObject, payload: Uint8Array, signature: Uint8Array): boolean {
  try {
    return hashesOf(key).some((hash) => verify(hash, payload, key, signature));
  } catch {
    return false; // bytes that are no signature of such a key
  }
}

/** Ed25519 brings its own hash; cosign 2 signs with SHA-256 whatever the curve, and cosign 3 with one as large as the curve. */
function hashesOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): (string | null)[] {
  if (asymmetricKeyType === "ed25519") return [null];
  if (asymmetricKeyDetails?.namedCurve === "secp384r1") return ["sha256", "sha384"];
  return asymmetricKeyDetails?.namedCurve === "secp521r1" ? ["sha256", "sha512"] : ["sha256"];
}
