import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { parseReference } from "../reference.ts";
import { readPolicy, ruleFor, type PolicyRule } from "./policy.ts";
import type { SimpleSignature } from "./signature.ts";
import { checkSignatures } from "./signatures.ts";
import { signatureTag } from "./simple-signing.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PEM = publicKey.export({ type: "spki", format: "pem" });

function rule(key: string = PEM): PolicyRule {
  const rules = [{ name: "ours", repositories: ["ghcr.io/**"], signedBy: [{ name: "release", publicKey: key }] }];
  return readPolicy({ rules }, "policy.yaml").rules[0]!;
}

function signed(
  digest: string,
  key: KeyObject = privateKey,
  type = "cosign container image signature",
): SimpleSignature {
  const payload = Buffer.from(JSON.stringify({ critical: { type, image: { "docker-manifest-digest": digest } } }));
  return { payload, signature: sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key) };
}

test.each([
  ["ghcr.io/example/**", "ghcr.io/example/hello", true],
  ["ghcr.io/example/**", "ghcr.io/example/a/b", true],
  ["ghcr.io/example/**", "ghcr.io/example", false],
  ["ghcr.io/example/**", "ghcr.io/examples/hello", false],
  ["ghcr.io/*/hello", "ghcr.io/a/hello", true],
  ["ghcr.io/*/hello", "ghcr.io/a/b/hello", false],
  ["ghcr.io/app-*", "ghcr.io/app-one", true],
  ["ghcr.io/hello", "ghcrxio/hello", false],
  ["localhost:5000/**", "localhost:5000/a", true],
  ["[::1]:5000/**", "[::1]:5000/a", true],
  ["docker.io/library/*", "hello", true],
])("policy: %s matches %s: %s", (pattern, image, expected) => {
  const policy = readPolicy({ rules: [{ name: "r", repositories: [pattern] }] }, "policy.yaml");
  const decide = (): PolicyRule => ruleFor(policy, parseReference(image));
  if (expected) expect(decide().name).toBe("r");
  else expect(decide).toThrow(expect.objectContaining({ code: "OCI_POLICY_REFUSED" }));
});

test("policy: the first rule that matches decides", () => {
  const rules = ["one", "two"].map((name) => ({ name, repositories: ["ghcr.io/**"] }));
  expect(ruleFor(readPolicy({ rules }, "policy.yaml"), parseReference("ghcr.io/a")).name).toBe("one");
});

test.each([
  [{}, "rules"],
  [{ rules: [{ name: "r", repositories: [] }] }, "rules.0.repositories"],
  [{ rules: [{ name: "r", repositories: ["*"] }] }, "rules.0.repositories.0"],
  [{ rules: [{ name: "r", repositories: ["a.io/x"], signedBy: [] }] }, "rules.0.signedBy"],
  [{ rules: [{ name: "r", repositories: ["a.io/x"], signdBy: [] }] }, "rules.0.signdBy"],
])("policy: %j is refused at %s", (value, path) => {
  expect(() => readPolicy(value, "policy.yaml")).toThrow(
    expect.objectContaining({ code: "OCI_POLICY_INVALID", message: expect.stringContaining(path) }),
  );
});

test("policy: a key that is none is refused", () => {
  expect(() => rule("nonsense")).toThrow(expect.objectContaining({ code: "OCI_POLICY_INVALID" }));
  const { publicKey: other } = generateKeyPairSync("x25519");
  const pem = other.export({ type: "spki", format: "pem" });
  expect(() => rule(pem)).toThrow(expect.objectContaining({ code: "OCI_POLICY_INVALID" }));
});

test.each(["ec", "ed25519", "rsa"] as const)("signatures: by a key of type %s", async (type) => {
  const pair = type === "ec" ? { publicKey, privateKey } : generate(type);
  const pem = pair.publicKey.export({ type: "spki", format: "pem" });
  expect(await checkSignatures(rule(pem), DIGEST, [signed(DIGEST, pair.privateKey)], "ghcr.io/a")).toBe("release");
});

function generate(type: "ed25519" | "rsa"): { publicKey: KeyObject; privateKey: KeyObject } {
  return type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
}

const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const other = `sha256:${"b".repeat(64)}`;

test.each<[name: string, signatures: SimpleSignature[], actual: string]>([
  ["none", [], "no signature"],
  ["another key", [signed(DIGEST, foreign)], "a signature by another key"],
  ["another artifact", [signed(other)], `a signature of ${other}`],
  ["another kind", [signed(DIGEST, privateKey, "something")], "a signature of something else"],
  [
    "changed after it was signed",
    [{ ...signed(other), payload: signed(DIGEST).payload }],
    "a signature by another key",
  ],
  ["nonsense", [{ payload: Buffer.from("{}"), signature: Buffer.from("x") }], "a signature of something else"],
])("signatures: %s is refused, and the rule is named", async (_, signatures, actual) => {
  await expect(checkSignatures(rule(), DIGEST, signatures, "ghcr.io/a")).rejects.toThrow(
    expect.objectContaining({
      code: "OCI_POLICY_REFUSED",
      message: expect.stringContaining('"ours"'),
      details: expect.objectContaining({ expected: "a signature by release", actual }),
    }),
  );
});

test("signatures: a good one among bad ones is enough", async () => {
  expect(await checkSignatures(rule(), DIGEST, [signed(DIGEST, foreign), signed(other), signed(DIGEST)], "x")).toBe(
    "release",
  );
  expect(signatureTag(DIGEST)).toBe(`sha256-${"a".repeat(64)}.sig`);
});
