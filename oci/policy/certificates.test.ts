import { createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { readPolicy } from "./policy.ts";
import type { SimpleSignature } from "./signature.ts";
import { checkSignatures } from "./signatures.ts";
import { readSignatures } from "./simple-signing.ts";
import {
  CA,
  CODE_SIGNING,
  enterIntoLog,
  issuedBy,
  signArtifact,
  TestAuthority,
  TIMESTAMPING,
} from "./test-certificates.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const IDENTITY = "https://ci.example.com/app@refs/tags/v1";
const ISSUER = "https://token.example.com";
const NEVER = 3650;

const authorities = new TestAuthority();
afterAll(() => authorities.remove());

const root = authorities.issue(CA, undefined, NEVER);
const intermediate = authorities.issue([...CA, "authorityKeyIdentifier=keyid"], root, NEVER);
const foreignRoot = authorities.issue(CA, undefined, NEVER);
const names = [`subjectAltName=URI:${IDENTITY}`, issuedBy(ISSUER)];
const signer = authorities.issue([...CODE_SIGNING, ...names], intermediate);
const { validFromDate } = new X509Certificate(signer.certificate);
const VALID = new Date(validFromDate.getTime() + 3_600_000);
const EXPIRED = new Date(validFromDate.getTime() + 7 * 24 * 3_600_000);
const log = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const foreignLog = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

interface Expected {
  identity?: string;
  issuer?: string;
  transparencyLog?: string;
  certificateLog?: string;
  timestampAuthority?: string;
  authority?: string;
}

function check(signature: SimpleSignature, now: Date, expected: Expected = {}): Promise<string> {
  const certificate = { authority: intermediate.certificate + root.certificate, identity: IDENTITY, ...expected };
  const rules = [{ name: "ours", repositories: ["ghcr.io/**"], signedBy: [{ name: "ci", certificate }] }];
  const [rule] = readPolicy({ rules }, "policy.yaml").rules;
  return checkSignatures(rule!, DIGEST, [signature], "ghcr.io/a", now);
}

function pemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" });
}

const good = signArtifact(DIGEST, signer);
const logged = { ...good, logEntry: enterIntoLog(good, log, VALID) };
const withLog = { transparencyLog: pemOf(log) };
const timestamper = authorities.issue(TIMESTAMPING, root, NEVER);
const timestampAuthority = timestamper.certificate + root.certificate;
const timestamp = authorities.timestamp(good.signature, timestamper).toString("base64");
const stamped = { ...good, timestamp: JSON.stringify({ SignedRFC3161Timestamp: timestamp }) };
const chained = { ...good, chain: intermediate.certificate + root.certificate };

test.each<[name: string, signature: SimpleSignature, now: Date, expected: Expected]>([
  ["while it is valid", good, VALID, {}],
  ["whose issuer is wanted", good, VALID, { issuer: ISSUER }],
  ["whose identity is a pattern", good, VALID, { identity: "https://ci.example.com/app@refs/tags/*" }],
  ["that expired after the log saw it", logged, EXPIRED, withLog],
  ["that expired after it was timestamped", stamped, EXPIRED, { timestampAuthority }],
  ["whose intermediate comes along", chained, VALID, { authority: root.certificate }],
])("certificates: a signature by one %s is good", async (_, signature, now, expected) => {
  expect(await check(signature, now, expected)).toBe("ci");
});

const other = `sha256:${"b".repeat(64)}`;
const lateEntry = { ...good, logEntry: enterIntoLog(good, log, EXPIRED) };
const foreignEntry = { ...good, logEntry: enterIntoLog(good, foreignLog, VALID) };
const entryOfAnother = { ...good, logEntry: enterIntoLog(signArtifact(DIGEST, signer), log, VALID) };

test.each<[name: string, signature: SimpleSignature, now: Date, expected: Expected, flaw: string]>([
  ["that has expired", good, EXPIRED, {}, "Failed to verify certificate chain"],
  ["of another identity", good, VALID, { identity: `${IDENTITY}0` }, "certificate identity error"],
  [
    "whose identity only begins so",
    good,
    VALID,
    { identity: "https://ci.example.com/app" },
    "certificate identity error",
  ],
  ["of another issuer", good, VALID, { issuer: "https://evil.example.com" }, "invalid certificate extension"],
  ["by another authority", good, VALID, { authority: foreignRoot.certificate }, "Failed to verify certificate chain"],
  [
    "that is for something else",
    signArtifact(DIGEST, authorities.issue(names, intermediate)),
    VALID,
    {},
    "not for signing code",
  ],
  [
    "that no authority signed",
    signArtifact(DIGEST, authorities.issue([...CODE_SIGNING, ...names])),
    VALID,
    {},
    "Failed to verify certificate chain",
  ],
  [
    "with another key",
    { ...good, signature: signArtifact(DIGEST, root).signature },
    VALID,
    {},
    "signature verification failed",
  ],
  ["for another artifact", signArtifact(other, signer), VALID, {}, `a signature of ${other}`],
  ["that is nonsense", { ...good, certificate: "nonsense" }, VALID, {}, "a certificate that does not do"],
  ["that is not there", { ...good, certificate: undefined }, VALID, {}, "a signature without a certificate"],
  ["that no log saw", good, VALID, withLog, "without an entry of the transparency log"],
  ["that the log saw too late", lateEntry, VALID, withLog, "Failed to verify certificate chain"],
  ["that another log saw", foreignEntry, VALID, withLog, "inclusion promise could not be verified"],
  ["whose entry is another signature's", entryOfAnother, VALID, withLog, "signature mismatch"],
  ["whose timestamp is nonsense", { ...good, timestamp: "{}" }, VALID, { timestampAuthority }, "that does not do"],
  ["that nobody timestamped", good, VALID, { timestampAuthority }, "without a timestamp of the authority"],
  ["whose entry is nonsense", { ...good, logEntry: "{}" }, VALID, withLog, "a certificate that does not do"],
])("certificates: a signature by one %s is refused", async (_, signature, now, expected, flaw) => {
  await expect(check(signature, now, expected)).rejects.toMatchObject({
    code: "OCI_POLICY_REFUSED",
    details: { expected: "a signature by ci", actual: expect.stringContaining(flaw) },
  });
});

test.each(["nonsense", signer.certificate, intermediate.certificate])(
  "policy: an authority without a root is refused",
  async (authority) => {
    await expect(async () => check(good, VALID, { authority })).rejects.toHaveProperty("code", "OCI_POLICY_INVALID");
  },
);

test("signatures: certificate and entry are read from where cosign leaves them", async () => {
  const annotations = {
    "dev.cosignproject.cosign/signature": Buffer.from(logged.signature).toString("base64"),
    "dev.sigstore.cosign/certificate": logged.certificate ?? "",
    "dev.sigstore.cosign/bundle": logged.logEntry,
    "dev.sigstore.cosign/chain": chained.chain,
    "dev.sigstore.cosign/rfc3161timestamp": stamped.timestamp,
  };
  const payload = { mediaType: "", digest: DIGEST, size: logged.payload.length, annotations };
  const [read] = await readSignatures([payload], () => Promise.resolve(Readable.from([logged.payload])));
  expect(read).toEqual({ ...logged, chain: chained.chain, timestamp: stamped.timestamp });
  expect(await check(read!, EXPIRED, withLog)).toBe("ci");
});

test("certificates: the timestamp of a log of certificates is wanted where the policy names one", async () => {
  const refused = check(good, VALID, { certificateLog: pemOf(log) });
  await expect(refused).rejects.toMatchObject({
    code: "OCI_POLICY_REFUSED",
    details: { actual: expect.stringContaining("expected 1 SCTs, got 0") },
  });
});
