import { createHash, type KeyObject } from "node:crypto";
import type { Bundle } from "@sigstore/bundle";
import { HashAlgorithm, PublicKeyDetails } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import type { PolicyCertificate } from "./policy.ts";

/*
 * What sigstore's library trusts, out of a policy: a trust root of its own for each signature, for a policy names logs by
 * their keys alone, and how a log's key is called depends on the log's name (C2SP, signed-note.md), which comes with the
 * entry. A name that is not the log's own leads to nothing that its key has signed.
 */

type Root = Parameters<typeof toTrustMaterial>[0];
type Log = Root["tlogs"][number];
type Authority = Root["certificateAuthorities"][number];

/** The type of an Ed25519 signature in a signed note, and where the key is in its encoding. */
const ED25519_NOTE = 1;
const ED25519_KEY_BYTES = 32;

/** Returns what a policy trusts, with what leads there from a signer's certificate, for one bundle. */
export function trustOf(
  { authority, timestampAuthority, transparencyLog, certificateLog }: PolicyCertificate,
  intermediates: readonly Uint8Array[],
  bundle: Bundle,
): TrustMaterial {
  const checkpoints = bundle.verificationMaterial.tlogEntries.flatMap(
    ({ inclusionProof }) => inclusionProof?.checkpoint?.envelope ?? [],
  );
  return toTrustMaterial({
    mediaType: "",
    certificateAuthorities: [authorityOf([...intermediates, ...authority])],
    timestampAuthorities: timestampAuthority === undefined ? [] : [authorityOf(timestampAuthority)],
    tlogs: transparencyLog === undefined ? [] : logsOf(transparencyLog, checkpoints),
    ctlogs: certificateLog === undefined ? [] : [logOf(certificateLog, keyId(certificateLog), "")],
  });
}

function authorityOf(chain: readonly Uint8Array[]): Authority {
  const certificates = chain.map((der) => ({ rawBytes: Buffer.from(der) }));
  return { subject: undefined, validFor: undefined, uri: "", certChain: { certificates }, operator: "" };
}

/** A log under each name that its key may have: its hash, and with the names in checkpoints, where it is an Ed25519 key. */
function logsOf(key: KeyObject, checkpoints: readonly string[]): Log[] {
  const names = checkpoints.map((checkpoint) => checkpoint.split("\n", 1)[0] ?? "");
  const ids = [keyId(key), ...(key.asymmetricKeyType === "ed25519" ? names.map((name) => noteKeyId(key, name)) : [])];
  // Whoever signed a checkpoint has to be named in the log's address: all of them are.
  return ids.map((id) => logOf(key, id, checkpoints.join("\n")));
}

function logOf(key: KeyObject, id: Buffer, baseUrl: string): Log {
  return {
    baseUrl,
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes: derOf(key), keyDetails: PublicKeyDetails.PUBLIC_KEY_DETAILS_UNSPECIFIED },
    logId: { keyId: id },
    checkpointKeyId: undefined,
    operator: "",
  };
}

/** RFC 6962, 3.2. */
function keyId(key: KeyObject): Buffer {
  return createHash("sha256").update(derOf(key)).digest();
}

/** C2SP, signed-note.md, not shortened. */
function noteKeyId(key: KeyObject, name: string): Buffer {
  const bytes = derOf(key).subarray(-ED25519_KEY_BYTES);
  return createHash("sha256").update(`${name}\n`).update(Buffer.of(ED25519_NOTE)).update(bytes).digest();
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}
