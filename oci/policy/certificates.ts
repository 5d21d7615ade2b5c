import { createHash, X509Certificate } from "node:crypto";
import { toMessageSignatureBundle, type Bundle } from "@sigstore/bundle";
import { toSignedEntity, Verifier, type SignedEntity } from "@sigstore/verify";
import * as v from "valibot";
import { messageOf } from "../../common/errors.ts";
import { chainTowards, readCertificates } from "./certificate-chain.ts";
import type { PolicyCertificate } from "./policy.ts";
import type { Signature, SimpleSignature } from "./signature.ts";
import { trustOf } from "./trust.ts";

/*
 * Signatures by a certificate, verified by sigstore's own library and without the network: the certificate leads to an
 * authority that the policy gives, it is for signing code, and it names who the policy wants. When it has to be valid: when
 * the log or the authority of timestamps whose keys the policy gives say that they saw the signature; without them, now.
 */

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
/** Entries of logs, and timestamps, of one signature. */
const MAX_WITNESSES = 8;

type LogEntry = Bundle["verificationMaterial"]["tlogEntries"][number];
type Material = Bundle["verificationMaterial"];

/** What cosign keeps of a log's entry as an annotation (cosign, specs/SIGNATURE_SPEC.md). */
const LogEntryAnnotation = v.object({
  SignedEntryTimestamp: v.string(),
  Payload: v.object({ body: v.string(), integratedTime: v.number(), logIndex: v.number(), logID: v.string() }),
});
const EntryBody = v.object({ kind: v.string(), apiVersion: v.string() });
const TimestampAnnotation = v.object({ SignedRFC3161Timestamp: v.string() });

/** Returns what a signature lacks to be by the signer's certificate, or undefined when it lacks nothing. */
export function certificateFlaw(signer: PolicyCertificate, signature: Signature, now: Date): string | undefined {
  try {
    const [certificate, ...others] = "bundle" in signature ? certificatesOf(signature.bundle) : annotated(signature);
    if (certificate === undefined) return "a signature without a certificate";
    // The node types do not say that a certificate may have none.
    const usages: readonly string[] | undefined = certificate.keyUsage;
    if (!(usages ?? []).includes(CODE_SIGNING)) return "a certificate that is not for signing code";
    const bundle = "bundle" in signature ? signature.bundle : bundleOf(signature, certificate, signer);
    const wanted = { ...bundle, verificationMaterial: witnessesOf(bundle, signer) };
    const trust = trustOf(signer, chainTowards(signer.authority, certificate, others), wanted);
    const { transparencyLog, certificateLog, identity, issuer } = signer;
    const verifier = new Verifier(trust, {
      tlogThreshold: transparencyLog === undefined ? 0 : 1,
      ctlogThreshold: certificateLog === undefined ? 0 : 1,
      timestampThreshold: 1,
    });
    verifier.verify(entityOf(wanted, signature.payload, signer, now), {
      subjectAlternativeName: identity,
      ...(issuer !== undefined && { extensions: { issuer } }),
    });
    return undefined;
  } catch (thrown) {
    return `a certificate that does not do: ${messageOf(thrown).slice(0, 200)}`;
  }
}

/** Returns the signer's certificate and what else comes with it. */
function certificatesOf({ verificationMaterial: { content } }: Bundle): X509Certificate[] {
  if (content.$case === "publicKey") return [];
  const all = content.$case === "certificate" ? [content.certificate] : content.x509CertificateChain.certificates;
  return all.map(({ rawBytes }) => new X509Certificate(rawBytes));
}

function annotated({ certificate, chain = "" }: SimpleSignature): X509Certificate[] {
  return certificate === undefined ? [] : [new X509Certificate(certificate), ...readCertificates(chain)];
}

/** Returns the same as a bundle; only what the policy asks for is read. */
function bundleOf(signature: SimpleSignature, certificate: X509Certificate, signer: PolicyCertificate): Bundle {
  const bundle = toMessageSignatureBundle({
    digest: createHash("sha256").update(signature.payload).digest(),
    signature: Buffer.from(signature.signature),
    certificate: certificate.raw,
    certificateChain: true,
  });
  const { logEntry, timestamp } = signature;
  const { tlogEntries } = bundle.verificationMaterial;
  if (signer.transparencyLog !== undefined && logEntry !== undefined) tlogEntries.push(readLogEntry(logEntry));
  if (signer.timestampAuthority === undefined || timestamp === undefined) return bundle;
  const { SignedRFC3161Timestamp } = v.parse(TimestampAnnotation, JSON.parse(timestamp));
  const signedTimestamp = Buffer.from(SignedRFC3161Timestamp, "base64");
  bundle.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] };
  return bundle;
}

/** Leaves what the policy asks for, which has to be there: the rest could not be verified. */
function witnessesOf(
  { verificationMaterial }: Bundle,
  { transparencyLog, timestampAuthority }: PolicyCertificate,
): Material {
  const entries = transparencyLog === undefined ? [] : verificationMaterial.tlogEntries;
  const { rfc3161Timestamps: all = [] } = verificationMaterial.timestampVerificationData ?? {};
  const rfc3161Timestamps = timestampAuthority === undefined ? [] : all;
  if (transparencyLog !== undefined && entries.length === 0) {
    throw new Error("it comes without an entry of the transparency log");
  }
  if (timestampAuthority !== undefined && rfc3161Timestamps.length === 0) {
    throw new Error("it comes without a timestamp of the authority");
  }
  if (entries.length + rfc3161Timestamps.length > MAX_WITNESSES) {
    throw new Error("it comes with too many entries and timestamps");
  }
  return { ...verificationMaterial, tlogEntries: entries, timestampVerificationData: { rfc3161Timestamps } };
}

function entityOf(
  bundle: Bundle,
  payload: Uint8Array,
  { transparencyLog, timestampAuthority }: PolicyCertificate,
  now: Date,
): SignedEntity {
  const entity = toSignedEntity(bundle, Buffer.from(payload));
  if (transparencyLog !== undefined || timestampAuthority !== undefined) return entity;
  // There is no other time to be valid at; as a timestamp alone it is no entry that would be verified.
  return { ...entity, timestamps: [{ $case: "transparency-log", tlogEntry: timeOf(now) }] };
}

function readLogEntry(text: string): LogEntry {
  const { SignedEntryTimestamp, Payload } = v.parse(LogEntryAnnotation, JSON.parse(text));
  const canonicalizedBody = Buffer.from(Payload.body, "base64");
  const { kind, apiVersion } = v.parse(EntryBody, JSON.parse(canonicalizedBody.toString("utf8")));
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, "hex") },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(SignedEntryTimestamp, "base64") },
    inclusionProof: undefined,
    canonicalizedBody,
  };
}

function timeOf(now: Date): LogEntry {
  return {
    logIndex: "0",
    logId: { keyId: Buffer.alloc(0) },
    kindVersion: { kind: "", version: "" },
    integratedTime: String(Math.floor(now.getTime() / 1000)),
    inclusionPromise: { signedEntryTimestamp: Buffer.alloc(0) },
    inclusionProof: undefined,
    canonicalizedBody: Buffer.alloc(0),
  };
}
