import { createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { digestOf } from "../digest.ts";
import { readBundle } from "./bundles.ts";
import { readPolicy } from "./policy.ts";
import { checkSignatures } from "./signatures.ts";
import { bundleOf, envelop, messageBundleOf, promiseEntry, proofEntry, statementOf } from "./test-bundles.ts";
import { CA, CODE_SIGNING, TestAuthority, TIMESTAMPING } from "./test-certificates.ts";

const MANIFEST = Buffer.from('{"schemaVersion":2}');
const DIGEST = digestOf(MANIFEST);
const IDENTITY = "https://ci.example.com/app@refs/tags/v1";
const NEVER = 3650;

const authorities = new TestAuthority();
afterAll(() => authorities.remove());

const root = authorities.issue(CA, undefined, NEVER);
const intermediate = authorities.issue([...CA, "authorityKeyIdentifier=keyid"], root, NEVER);
const foreignRoot = authorities.issue(CA, undefined, NEVER);
const signer = authorities.issue([...CODE_SIGNING, `subjectAltName=URI:${IDENTITY}`], intermediate);
const timestamper = authorities.issue(TIMESTAMPING, root, NEVER);
const foreignTimestamper = authorities.issue(TIMESTAMPING, root, NEVER);
const { validFromDate } = new X509Certificate(signer.certificate);
const VALID = new Date(validFromDate.getTime() + 3_600_000);
const EXPIRED = new Date(validFromDate.getTime() + 7 * 24 * 3_600_000);

const [key, foreign, log] = [0, 1, 2].map(() => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
const newLog = generateKeyPairSync("ed25519").privateKey;

type Certificate = Record<"authority", string> &
  Partial<Record<"transparencyLog" | "timestampAuthority" | "identity", string>>;

function check(bundle: Uint8Array, signedBy: object, now = VALID): Promise<string> {
  const rules = [{ name: "ours", repositories: ["ghcr.io/**"], signedBy: [{ name: "ci", ...signedBy }] }];
  const [rule] = readPolicy({ rules }, "policy.yaml").rules;
  return checkSignatures(rule!, DIGEST, [readBundle(bundle, { digest: DIGEST, manifest: MANIFEST })], "ghcr.io/a", now);
}

function pemOf(of: KeyObject): string {
  return createPublicKey(of).export({ type: "spki", format: "pem" });
}

function byKey(of: KeyObject): object {
  return { publicKey: pemOf(of) };
}

function byCertificate(expected: Partial<Certificate> = {}): object {
  return { certificate: { authority: intermediate.certificate + root.certificate, identity: IDENTITY, ...expected } };
}

const envelope = envelop(statementOf(DIGEST), key!);

test.each<[name: string, bundle: Buffer, key: KeyObject]>([
  ["a statement", bundleOf(envelope), key!],
  ["the artifact itself", messageBundleOf(MANIFEST, key!), key!],
  [
    "an entry of a log that the policy does not ask for",
    bundleOf(envelope, [], { tlogEntries: [{ logId: {}, kindVersion: {} }] }),
    key!,
  ],
])("bundles: a signature by a key of %s is good", async (_, bundle, by) => {
  expect(await check(bundle, byKey(by))).toBe("ci");
});

test.each([
  ["P-384", "sha384"],
  ["P-521", "sha512"],
])("bundles: a key on %s signs with %s", async (namedCurve, hash) => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  expect(await check(bundleOf(envelop(statementOf(DIGEST), privateKey, hash)), byKey(privateKey))).toBe("ci");
});

test("bundles: a key of Ed25519 signs without a hash of its own", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  expect(await check(bundleOf(envelop(statementOf(DIGEST), privateKey, null)), byKey(privateKey))).toBe("ci");
});

const other = `sha256:${"b".repeat(64)}`;
const provenance = envelop(statementOf(DIGEST, "https://slsa.dev/provenance/v1"), key!);

test.each<[name: string, bundle: Buffer, flaw: string]>([
  ["another key", bundleOf(envelop(statementOf(DIGEST), foreign!)), "a signature by another key"],
  ["another key, of the artifact itself", messageBundleOf(MANIFEST, foreign!), "a signature by another key"],
  ["another artifact", bundleOf(envelop(statementOf(other), key!)), `a signature of ${other}`],
  ["another artifact itself", messageBundleOf(Buffer.from("{}"), key!), "a signature of sha256:44136fa3"],
  [
    "another statement",
    bundleOf(provenance),
    "it says something else than a signature: https://slsa.dev/provenance/v1",
  ],
  [
    "a statement without subjects",
    bundleOf(
      envelop(
        Buffer.from(
          statementOf(DIGEST)
            .toString()
            .replace(/"subject":\[.*\],"p/, '"subject":[],"p'),
        ),
        key!,
      ),
    ),
    "a bundle that does not do",
  ],
  ["another payload", bundleOf(envelope, [], {}, "text/plain"), "its payload is text/plain"],
  [
    "a payload that was changed",
    bundleOf({ ...envelope, payload: Buffer.concat([envelope.payload, Buffer.from(" ")]) }),
    "a signature by another key",
  ],
  ["no envelope", Buffer.from('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'), "invalid bundle"],
  ["no JSON", Buffer.from("nonsense"), "a bundle that does not do"],
  ["a list", Buffer.from("[]"), "a bundle that does not do"],
  ["nothing", Buffer.from("null"), "a bundle that does not do"],
])("bundles: %s is refused, and the rule is named", async (_, bundle, flaw) => {
  await expect(check(bundle, byKey(key!))).rejects.toMatchObject({
    code: "OCI_POLICY_REFUSED",
    message: expect.stringContaining('"ours"'),
    details: { actual: expect.stringContaining(flaw) },
  });
});

const certified = envelop(statementOf(DIGEST), signer.key);
const chain = [signer.certificate, intermediate.certificate, root.certificate];
const onlyRoot = { authority: root.certificate };
const logged = { tlogEntries: [promiseEntry(certified, log!, VALID)] };
const stamped = (
  by = timestamper,
  of = certified,
): { timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] } } => ({
  timestampVerificationData: {
    rfc3161Timestamps: [{ signedTimestamp: authorities.timestamp(of.signature, by).toString("base64") }],
  },
});
const withLog = { transparencyLog: pemOf(log!) };
const withNewLog = { transparencyLog: pemOf(newLog) };
const withTimestamps = { timestampAuthority: timestamper.certificate + root.certificate };
const proven = { tlogEntries: [proofEntry(certified, newLog)] };

test.each<[name: string, bundle: Buffer, expected: Partial<Certificate>, now: Date]>([
  ["while it is valid", bundleOf(certified, [signer.certificate]), {}, VALID],
  ["of the artifact itself", messageBundleOf(MANIFEST, signer.key, [signer.certificate]), {}, VALID],
  ["whose intermediate comes along", bundleOf(certified, chain), onlyRoot, VALID],
  ["that expired after the log saw it", bundleOf(certified, [signer.certificate], logged), withLog, EXPIRED],
  [
    "that expired after it was timestamped",
    bundleOf(certified, [signer.certificate], stamped()),
    withTimestamps,
    EXPIRED,
  ],
  [
    "that is in a log without times and timestamped",
    bundleOf(certified, chain, { ...proven, ...stamped() }),
    { ...onlyRoot, ...withNewLog, ...withTimestamps },
    EXPIRED,
  ],
])("bundles: a signature by a certificate %s is good", async (_, bundle, expected, now) => {
  expect(await check(bundle, byCertificate(expected), now)).toBe("ci");
});

const selfSigned = authorities.issue([...CODE_SIGNING, `subjectAltName=URI:${IDENTITY}`]);
const forged = authorities.issue([...CODE_SIGNING, `subjectAltName=URI:${IDENTITY}`], foreignRoot);

test.each<[name: string, bundle: Buffer, expected: Partial<Certificate>, now: Date, flaw: string]>([
  ["that has expired", bundleOf(certified, [signer.certificate]), {}, EXPIRED, "Failed to verify certificate chain"],
  [
    "of another identity",
    bundleOf(certified, [signer.certificate]),
    { identity: "https://ci.example.com/b" },
    VALID,
    "certificate identity error",
  ],
  ["that is not there", bundleOf(envelope), {}, VALID, "a signature without a certificate"],
  ["with another key", bundleOf(envelope, [signer.certificate]), {}, VALID, "signature verification failed"],
  [
    "whose intermediate is missing",
    bundleOf(certified, [signer.certificate]),
    onlyRoot,
    VALID,
    "Failed to verify certificate chain",
  ],
  [
    "that brings a root of its own",
    bundleOf(envelop(statementOf(DIGEST), forged.key), [forged.certificate, foreignRoot.certificate]),
    {},
    VALID,
    "Failed to verify certificate chain",
  ],
  [
    "that signed itself, twice",
    bundleOf(envelop(statementOf(DIGEST), selfSigned.key), [selfSigned.certificate, selfSigned.certificate]),
    {},
    VALID,
    "Failed to verify certificate chain",
  ],
  [
    "that no log saw",
    bundleOf(certified, [signer.certificate]),
    withLog,
    VALID,
    "without an entry of the transparency log",
  ],
  [
    "that another log saw",
    bundleOf(certified, [signer.certificate], logged),
    { transparencyLog: pemOf(foreign!) },
    VALID,
    "could not be verified",
  ],
  [
    "whose entry is another signature's",
    bundleOf(certified, [signer.certificate], {
      tlogEntries: [promiseEntry(envelop(statementOf(DIGEST), signer.key), log!, VALID)],
    }),
    withLog,
    VALID,
    "signature mismatch",
  ],
  [
    "that is in a log without times",
    bundleOf(certified, [signer.certificate], proven),
    withNewLog,
    VALID,
    "expected 1 timestamps, got 0",
  ],
  [
    "that is in another log without times",
    bundleOf(certified, [signer.certificate], { ...proven, ...stamped() }),
    { transparencyLog: pemOf(generateKeyPairSync("ed25519").privateKey), ...withTimestamps },
    VALID,
    "invalid checkpoint signature",
  ],
  [
    "that nobody timestamped",
    bundleOf(certified, [signer.certificate], logged),
    { ...withLog, ...withTimestamps },
    VALID,
    "without a timestamp of the authority",
  ],
  [
    "that somebody else timestamped",
    bundleOf(certified, [signer.certificate], stamped(foreignTimestamper)),
    withTimestamps,
    VALID,
    "timestamp could not be verified",
  ],
  [
    "whose timestamp is another signature's",
    bundleOf(certified, [signer.certificate], stamped(timestamper, envelope)),
    withTimestamps,
    VALID,
    "timestamp could not be verified",
  ],
  [
    "with entries without end",
    bundleOf(certified, [signer.certificate], { tlogEntries: Array.from({ length: 9 }, () => logged.tlogEntries[0]) }),
    withLog,
    VALID,
    "too many entries",
  ],
])("bundles: a signature by a certificate %s is refused", async (_, bundle, expected, now, flaw) => {
  await expect(check(bundle, byCertificate(expected), now)).rejects.toMatchObject({
    code: "OCI_POLICY_REFUSED",
    details: { expected: "a signature by ci", actual: expect.stringContaining(flaw) },
  });
});
