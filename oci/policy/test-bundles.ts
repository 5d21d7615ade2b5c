import { createHash, createPublicKey, sign, X509Certificate, type KeyObject } from "node:crypto";

/*
 * Bundles as cosign 3 leaves them beside an artifact, and what logs add to them, for tests: without sigstore's services.
 */

export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What an envelope holds, and its signature. */
export interface TestEnvelope {
  payload: Buffer;
  signature: Buffer;
}

/** What is said of a signature beside who made it: a part of a bundle's material, in JSON. */
export interface TestWitnesses {
  tlogEntries?: unknown[];
  timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
}

/** Returns a statement of in-toto about an artifact, as `cosign sign` makes it. */
export function statementOf(digest: string, predicateType = "https://sigstore.dev/cosign/sign/v1"): Buffer {
  const [algorithm = "", hex] = digest.split(":");
  const subject = [{ digest: { [algorithm]: hex }, annotations: {} }];
  return Buffer.from(
    JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate: {} }),
  );
}

/** Signs a payload as an envelope holds it. */
export function envelop(payload: Buffer, key: KeyObject, hash: string | null = "sha256"): TestEnvelope {
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
  return { payload, signature: sign(hash, Buffer.concat([Buffer.from(head), payload]), key) };
}

/** Returns a bundle of an envelope, by a key where there are no certificates. */
export function bundleOf(
  { payload, signature }: TestEnvelope,
  certificates: readonly string[] = [],
  witnesses: TestWitnesses = {},
  payloadType = PAYLOAD_TYPE,
): Buffer {
  const dsseEnvelope = { payload: base64(payload), payloadType, signatures: [{ sig: base64(signature) }] };
  return Buffer.from(
    JSON.stringify({ mediaType: BUNDLE_TYPE, verificationMaterial: materialOf(certificates, witnesses), dsseEnvelope }),
  );
}

/** Returns a bundle of a signature of the artifact itself. */
export function messageBundleOf(artifact: Buffer, key: KeyObject, certificates: readonly string[] = []): Buffer {
  const digest = createHash("sha256").update(artifact).digest();
  const messageSignature = {
    messageDigest: { algorithm: "SHA2_256", digest: base64(digest) },
    signature: base64(sign("sha256", artifact, key)),
  };
  return Buffer.from(
    JSON.stringify({ mediaType: BUNDLE_TYPE, verificationMaterial: materialOf(certificates, {}), messageSignature }),
  );
}

/** Returns the entry of a log like Rekor 1, which promises that it saw the signature at a time. */
export function promiseEntry({ payload, signature }: TestEnvelope, log: KeyObject, time: Date): unknown {
  const body = encodeJson({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      payloadHash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") },
      signatures: [{ signature: base64(signature) }],
    },
  });
  const integratedTime = time.getTime() / 1000;
  const logID = createHash("sha256").update(derOf(log)).digest();
  // In the order of RFC 8785, which is what is signed.
  const signed = JSON.stringify({ body, integratedTime, logID: logID.toString("hex"), logIndex: 1 });
  return {
    logIndex: "1",
    logId: { keyId: base64(logID) },
    kindVersion: { kind: "dsse", version: "0.0.1" },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: base64(sign("sha256", Buffer.from(signed), log)) },
    canonicalizedBody: body,
  };
}

/** Returns the entry of a log like Rekor 2, with an Ed25519 key, which proves that it is in a log and tells no time. */
export function proofEntry({ payload, signature }: TestEnvelope, log: KeyObject, origin = "log.example.com"): unknown {
  const body = encodeJson({
    apiVersion: "0.0.2",
    kind: "dsse",
    spec: {
      dsseV002: {
        payloadHash: { algorithm: "SHA2_256", digest: base64(createHash("sha256").update(payload).digest()) },
        signatures: [{ content: base64(signature) }],
      },
    },
  });
  const canonicalized = Buffer.from(body, "base64");
  // A log of this one entry: its leaf is its root.
  const rootHash = base64(createHash("sha256").update(Buffer.of(0)).update(canonicalized).digest());
  const note = `${origin}\n1\n${rootHash}\n`;
  const keyBytes = derOf(log).subarray(-32);
  const keyId = createHash("sha256").update(`${origin}\n`).update(Buffer.of(1)).update(keyBytes).digest();
  const noteSignature = Buffer.concat([keyId.subarray(0, 4), sign(null, Buffer.from(note), log)]);
  return {
    logIndex: "0",
    logId: { keyId: base64(keyId) },
    kindVersion: { kind: "dsse", version: "0.0.2" },
    inclusionProof: {
      logIndex: "0",
      treeSize: "1",
      rootHash,
      hashes: [],
      checkpoint: { envelope: `${note}\n— ${origin} ${base64(noteSignature)}\n` },
    },
    canonicalizedBody: body,
  };
}

function materialOf(certificates: readonly string[], witnesses: TestWitnesses): object {
  const [first, ...others] = certificates.map((pem) => ({ rawBytes: base64(new X509Certificate(pem).raw) }));
  if (first === undefined) return { publicKey: { hint: "" }, ...witnesses };
  return others.length === 0
    ? { certificate: first, ...witnesses }
    : { x509CertificateChain: { certificates: [first, ...others] }, ...witnesses };
}

function derOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

function encodeJson(value: unknown): string {
  return base64(Buffer.from(JSON.stringify(value)));
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64");
}
