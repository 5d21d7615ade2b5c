import { createPublicKey, type KeyObject } from "node:crypto";
import * as v from "valibot";
import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Reference } from "../reference.ts";
import { readCertificates } from "./certificate-chain.ts";

/*
 * Which artifacts a node runs, as a list of rules; the first one whose repositories match decides, and where none does the
 * artifact is refused:
 *
 *   rules:
 *     - name: ours
 *       repositories: [ghcr.io/example/**]
 *       signedBy:   # any of them; without: no signature needed
 *         - { name: release, publicKey: "-----BEGIN PUBLIC KEY-----…" }
 *         - { name: ci, certificate: { authority: "-----BEGIN CERTIFICATE-----…", identity: "https://ci.example.com/app@*" } }
 *     - name: this machine
 *       repositories: [localhost:5000/**]
 *
 * A `*` stands for anything within one part of a path, and `**` for any number of parts.
 */

const MAX_RULES = 256;
const MAX_PATTERNS = 64;
const MAX_SIGNERS = 16;
const MAX_CHAIN = 8;

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const Pattern = v.pipe(v.string(), v.maxLength(512), v.regex(/^[\w.:[\]-]+(?:\/[\w.*-]+)+$/));
const Pem = v.pipe(v.string(), v.maxLength(65_536));
const KeyShape = v.strictObject({ name: Name, publicKey: Pem });
const CertificateShape = v.strictObject({
  name: Name,
  certificate: v.strictObject({
    /** The certificates that lead from what signs to a root, which is one of them. */
    authority: Pem,
    /** Who signs: the certificate's subject alternative name; `*` is anything. */
    identity: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
    /** Who says so: the issuer of the identity, in sigstore's extension of the certificate. */
    issuer: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))),
    /** The key of a log that says when it was signed; without one the certificate has to be valid at every start. */
    transparencyLog: v.optional(Pem),
    /** The key of the log of certificates, where they bring its timestamps. */
    certificateLog: v.optional(Pem),
    /** The certificates of who says when it was signed (RFC 3161), from its own up to a root. */
    timestampAuthority: v.optional(Pem),
  }),
});
const PolicyShape = v.strictObject({
  rules: v.pipe(
    v.array(
      v.strictObject({
        name: Name,
        repositories: v.pipe(v.array(Pattern), v.minLength(1), v.maxLength(MAX_PATTERNS)),
        signedBy: v.optional(
          v.pipe(v.array(v.union([KeyShape, CertificateShape])), v.minLength(1), v.maxLength(MAX_SIGNERS)),
        ),
      }),
    ),
    v.maxLength(MAX_RULES),
  ),
});

/** A key that signatures are verified with. */
export interface PolicyKey {
  kind: "key";
  name: string;
  key: KeyObject;
}

/** Certificates that signatures are verified with. */
export interface PolicyCertificate {
  kind: "certificate";
  name: string;
  /** In DER. */
  authority: Buffer[];
  identity: RegExp;
  issuer?: string;
  transparencyLog?: KeyObject;
  certificateLog?: KeyObject;
  /** In DER, the one that signs first. */
  timestampAuthority?: Buffer[];
}

/** One rule: which repositories it is for, and whose signature an artifact needs there; none where `signers` is empty. */
export interface PolicyRule {
  name: string;
  repositories: RegExp[];
  signers: (PolicyKey | PolicyCertificate)[];
}

/** What may be run. */
export interface Policy {
  rules: PolicyRule[];
}

/** Reads a policy; throws OCI_POLICY_INVALID. */
export function readPolicy(value: unknown, where: string): Policy {
  const { success, output, issues } = v.safeParse(PolicyShape, value, { abortEarly: true });
  if (!success) {
    throw new WasmletError(
      "OCI_POLICY_INVALID",
      `the policy is not valid at ${v.getDotPath(issues[0]) ?? "the whole"}`,
      {
        where,
        expected: issues[0].expected,
        actual: issues[0].received.slice(0, 200),
      },
    );
  }
  return {
    rules: output.rules.map(({ name, repositories, signedBy = [] }) => ({
      name,
      repositories: repositories.map(patternOf),
      signers: signedBy.map((signer) => readSigner(signer, `${where}: ${name}, ${signer.name}`)),
    })),
  };
}

/** Returns the rule that decides about a repository; throws OCI_POLICY_REFUSED where there is none. */
export function ruleFor({ rules }: Policy, { registry, repository }: Reference): PolicyRule {
  const full = `${registry}/${repository}`;
  const rule = rules.find(({ repositories }) => repositories.some((pattern) => pattern.test(full)));
  if (rule !== undefined) return rule;
  throw new WasmletError("OCI_POLICY_REFUSED", "no rule of the policy allows the artifact's repository", {
    where: full,
    expected: `a repository of one of the rules: ${rules.map(({ name }) => name).join(", ") || "there are none"}`,
  });
}

function patternOf(pattern: string): RegExp {
  const parts = pattern.split("/").map((part) =>
    part === "**"
      ? ".+"
      : part
          .split("*")
          .map((text) => text.replaceAll(/[.[\]]/g, String.raw`\$&`))
          .join("[^/]*"),
  );
  return new RegExp(`^${parts.join("/")}$`);
}

function readSigner(
  signer: v.InferOutput<typeof KeyShape> | v.InferOutput<typeof CertificateShape>,
  where: string,
): PolicyKey | PolicyCertificate {
  const { name } = signer;
  if ("publicKey" in signer) return { kind: "key", name, key: readKey(signer.publicKey, where) };
  const { authority, identity, issuer, transparencyLog, certificateLog, timestampAuthority } = signer.certificate;
  return {
    kind: "certificate",
    name,
    authority: readChain(authority, where),
    identity: identityOf(identity),
    ...(issuer !== undefined && { issuer }),
    ...(transparencyLog !== undefined && { transparencyLog: readKey(transparencyLog, `${where}, transparencyLog`) }),
    ...(certificateLog !== undefined && { certificateLog: readKey(certificateLog, `${where}, certificateLog`) }),
    ...(timestampAuthority !== undefined && {
      timestampAuthority: readChain(timestampAuthority, `${where}, timestampAuthority`),
    }),
  };
}

function identityOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((text) => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*")}$`);
}

function readChain(pem: string, where: string): Buffer[] {
  let actual = "something else";
  try {
    const chain = readCertificates(pem);
    actual = `${chain.length} certificates`;
    const hasRoot = chain.some((certificate) => certificate.checkIssued(certificate));
    if (hasRoot && chain.length <= MAX_CHAIN) return chain.map(({ raw }) => raw);
  } catch {
    // Said below.
  }
  throw new WasmletError("OCI_POLICY_INVALID", "an authority of the policy cannot be used", {
    where,
    expected: `at most ${MAX_CHAIN} certificates in PEM, a root among them`,
    actual,
  });
}

function readKey(pem: string, where: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw invalidKey(where, messageOf(cause));
  }
  if (["ec", "ed25519", "rsa"].includes(key.asymmetricKeyType ?? "")) return key;
  throw invalidKey(where, `a key of type ${key.asymmetricKeyType}`);
}

function invalidKey(where: string, actual: string): WasmletError {
  return new WasmletError("OCI_POLICY_INVALID", "a key of the policy cannot be used", {
    where,
    expected: "a public key in PEM: ECDSA, Ed25519 or RSA",
    actual,
  });
}
