import { createPublicKey, type KeyObject } from "node:crypto";
import * as v from "valibot";
import { messageOf, WasmletError } from "../../common/errors.ts";
import type { Reference } from "../reference.ts";

/*
 * Which artifacts a node runs, as a list of rules; the first one whose repositories match decides, and where none does the
 * artifact is refused:
 *
 *   rules:
 *     - name: ours
 *       repositories: [ghcr.io/example/**]
 *       signedBy: [{ name: release, publicKey: "-----BEGIN PUBLIC KEY-----…" }]   # any of them; without: no signature needed
 *     - name: this machine
 *       repositories: [localhost:5000/**]
 *
 * A `*` stands for anything within one part of a path, and `**` for any number of parts.
 */

const MAX_RULES = 256;
const MAX_PATTERNS = 64;
const MAX_KEYS = 16;

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const Pattern = v.pipe(v.string(), v.maxLength(512), v.regex(/^[\w.:[\]-]+(?:\/[\w.*-]+)+$/));
const PolicyShape = v.strictObject({
  rules: v.pipe(
    v.array(
      v.strictObject({
        name: Name,
        repositories: v.pipe(v.array(Pattern), v.minLength(1), v.maxLength(MAX_PATTERNS)),
        signedBy: v.optional(
          v.pipe(
            v.array(v.strictObject({ name: Name, publicKey: v.pipe(v.string(), v.maxLength(16_384)) })),
            v.minLength(1),
            v.maxLength(MAX_KEYS),
          ),
        ),
      }),
    ),
    v.maxLength(MAX_RULES),
  ),
});

/** A key that signatures are verified with. */
export interface PolicyKey {
  name: string;
  key: KeyObject;
}

/** One rule: which repositories it is for, and whose signature an artifact needs there; none where `keys` is empty. */
export interface PolicyRule {
  name: string;
  repositories: RegExp[];
  keys: PolicyKey[];
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
      keys: signedBy.map(({ name: keyName, publicKey }) => ({
        name: keyName,
        key: readKey(publicKey, `${where}: ${name}, ${keyName}`),
      })),
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
