import { createHash, X509Certificate, type KeyObject } from "node:crypto";
import { toMessageSignatureBundle, type BundleWithMessageSignature } from "@sigstore/bundle";
import { HashAlgorithm, PublicKeyDetails } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity, type TrustMaterial } from "@sigstore/verify";
import * as v from "valibot";
import { messageOf } from "../../common/errors.ts";
import type { PolicyCertificate } from "./policy.ts";
import type { Signature } from "./signatures.ts";

/*
 * Signatures by a certificate, verified by sigstore's own library and without the network: the certificate leads to an
 * authority that the policy gives, it is for signing code, and it names who the policy wants. When it has to be valid: now,
 * or when the transparency log whose key the policy gives says that it saw the signature.
 */

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
type Log = Parameters<typeof toTrustMaterial>[0]["tlogs"][number];

/** What cosign keeps of a log's entry as an annotation (cosign, specs/SIGNATURE_SPEC.md). */
const LogEntry = v.object({
  SignedEntryTimestamp: v.string(),
  Payload: v.object({ body: v.string(), integratedTime: v.number(), logIndex: v.number(), logID: v.string() }),
});
const EntryBody = v.object({ kind: v.string(), apiVersion: v.string() });

/** Returns what a signature lacks to be by the signer's certificate, or undefined when it lacks nothing. */
export function certificateFlaw(signer: PolicyCertificate, signature: Signature, now: Date): string | undefined {
  try {
    if (signature.certificate === undefined) return "a signature without a certificate";
    const certificate = new X509Certificate(signature.certificate);
    // The node types do not say that a certificate may have none.
    const usages: readonly string[] | undefined = certificate.keyUsage;
    if (!(usages ?? []).includes(CODE_SIGNING)) return "a certificate that is not for signing code";
    const { transparencyLog, certificateLog, identity, issuer } = signer;
    const verifier = new Verifier(trustOf(signer), {
      tlogThreshold: transparencyLog === undefined ? 0 : 1,
      ctlogThreshold: certificateLog === undefined ? 0 : 1,
      timestampThreshold: 1,
    });
    const entity = entityOf(signature, certificate, transparencyLog === undefined ? now : undefined);
    verifier.verify(entity, {
      subjectAlternativeName: identity,
      ...(issuer !== undefined && { extensions: { issuer } }),
    });
    return undefined;
  } catch (thrown) {
    return `a certificate that does not do: ${messageOf(thrown).slice(0, 200)}`;
  }
}

function entityOf({ payload, signature, logEntry }: Signature, certificate: X509Certificate, now?: Date): SignedEntity {
  const bundle = toMessageSignatureBundle({
    digest: createHash("sha256").update(payload).digest(),
    signature: Buffer.from(signature),
    certificate: certificate.raw,
    certificateChain: true,
  });
  if (now === undefined) bundle.verificationMaterial.tlogEntries.push(readLogEntry(logEntry));
  const entity = toSignedEntity(bundle, Buffer.from(payload));
  // Without a log there is no other time to be valid at; as a timestamp alone it is no entry that would be verified.
  return now === undefined
    ? entity
    : { ...entity, timestamps: [{ $case: "transparency-log", tlogEntry: timeOf(now) }] };
}

type LogEntryOfBundle = BundleWithMessageSignature["verificationMaterial"]["tlogEntries"][number];

function readLogEntry(text: string | undefined): LogEntryOfBundle {
  if (text === undefined) throw new Error("it comes without an entry of the transparency log");
  const { SignedEntryTimestamp, Payload } = v.parse(LogEntry, JSON.parse(text));
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

function timeOf(now: Date): LogEntryOfBundle {
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

function trustOf({ authority, transparencyLog, certificateLog }: PolicyCertificate): TrustMaterial {
  return toTrustMaterial({
    mediaType: "",
    certificateAuthorities: [
      {
        subject: undefined,
        validFor: undefined,
        uri: "",
        certChain: { certificates: authority.map((rawBytes) => ({ rawBytes })) },
        operator: "",
      },
    ],
    timestampAuthorities: [],
    tlogs: transparencyLog === undefined ? [] : [logOf(transparencyLog)],
    ctlogs: certificateLog === undefined ? [] : [logOf(certificateLog)],
  });
}

/** A log is known by the hash of its key (RFC 6962, 3.2). */
function logOf(key: KeyObject): Log {
  const rawBytes = key.export({ type: "spki", format: "der" });
  return {
    baseUrl: "",
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes, keyDetails: PublicKeyDetails.PUBLIC_KEY_DETAILS_UNSPECIFIED },
    logId: { keyId: createHash("sha256").update(rawBytes).digest() },
    checkpointKeyId: undefined,
    operator: "",
  };
}
