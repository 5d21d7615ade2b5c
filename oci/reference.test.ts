import fc from "fast-check";
import { expect, test } from "vitest";
import { formatReference, parseReference, versionOf, type Reference } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["hello", "docker.io/library/hello:latest"],
  ["team/hello", "docker.io/team/hello:latest"],
  ["index.docker.io/hello:1", "docker.io/library/hello:1"],
  ["docker.io/hello", "docker.io/library/hello:latest"],
  ["localhost/hello", "localhost/hello:latest"],
  ["localhost:5000/hello:v1", "localhost:5000/hello:v1"],
  ["Registry/hello", "Registry/hello:latest"],
  ["ghcr.io/team/hello", "ghcr.io/team/hello:latest"],
  ["127.0.0.1:5000/a/b__c/d-e.f:T_1.x-", "127.0.0.1:5000/a/b__c/d-e.f:T_1.x-"],
  ["[::1]:5000/hello", "[::1]:5000/hello:latest"],
  ["[2001:db8::1]/hello:1", "[2001:db8::1]/hello:1"],
  [`ghcr.io/hello@${DIGEST}`, `ghcr.io/hello@${DIGEST}`],
  [`ghcr.io/hello:1@${DIGEST}`, `ghcr.io/hello:1@${DIGEST}`],
])("reference: %s is %s", (text, full) => {
  expect(formatReference(parseReference(text))).toBe(full);
});

test.each([
  ["", "repository"],
  ["https://ghcr.io/hello", "without a scheme"],
  ["ghcr.io/Hello", "lower-case"],
  ["ghcr.io/hello/", "repository"],
  ["ghcr.io//hello", "repository"],
  ["ghcr.io/a..b", "repository"],
  ["ghcr.io/../etc", "repository"],
  ["ghcr.io/hello:", "tag"],
  ["ghcr.io/hello:-x", "tag"],
  [`ghcr.io/hello:${"t".repeat(129)}`, "tag"],
  ["ghcr.io:99999/hello", "registry"],
  ["ghcr.io:0/hello", "registry"],
  ["[::g]/hello", "registry"],
  ["[1:2]/hello", "registry"],
  ["user@ghcr.io/hello", "sha256"],
  ["ghcr.io/hello@sha256:12", "sha256"],
  [`ghcr.io/hello@${DIGEST.toUpperCase()}`, "sha256"],
  [`ghcr.io/hello@md5:${"a".repeat(32)}`, "sha256"],
  ["ghcr.io/hello world", "repository"],
  ["ghcr.io/hello\n", "repository"],
  ["a".repeat(64), "64 hexadecimal digits"],
  [`ghcr.io/${"a".repeat(256)}`, "at most 255"],
  ["a".repeat(2000), "at most 1024"],
])("reference: %j is refused", (text, expected) => {
  expect(() => parseReference(text)).toThrow(
    expect.objectContaining({
      code: "OCI_REFERENCE_INVALID",
      details: expect.objectContaining({ expected: expect.stringContaining(expected) }),
    }),
  );
});

test("contract: the digest says which bytes, whatever the tag says", () => {
  expect(versionOf(parseReference(`ghcr.io/hello:1@${DIGEST}`))).toBe(DIGEST);
  expect(versionOf(parseReference("ghcr.io/hello"))).toBe("latest");
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const host = fc.oneof(
  fc.domain().filter((name) => name.length < 100),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constant("localhost"),
);
const parts = fc.record({
  host,
  port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
  repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
  tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
  digest: fc.option(fc.stringMatching(/^sha256:[0-9a-f]{64}$/), { nil: undefined }),
});
type Parts = typeof parts extends fc.Arbitrary<infer Value> ? Value : never;
const reference = parts.map(completeParts);

function completeParts({ host, port, repository, tag, digest }: Parts): Reference {
  const full: Reference = { registry: port === undefined ? host : `${host}:${port}`, repository };
  if (tag !== undefined) full.tag = tag;
  else if (digest === undefined) full.tag = "latest";
  if (digest !== undefined) full.digest = digest;
  return full;
}

test("reference: what is written in full reads the same again", () => {
  fc.assert(
    fc.property(reference, (value) => {
      expect(parseReference(formatReference(value))).toEqual(value);
    }),
  );
});

test("reference: any text is either read, and then stable, or refused with its code", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9@:/._[\]-]{0,40}$/)), (text) => {
      try {
        const value = parseReference(text);
        expect(parseReference(formatReference(value))).toEqual(value);
        expect(`${value.repository}${value.tag}`).not.toMatch(/[\s?#%\\]|\.\.\//);
      } catch (thrown) {
        expect(thrown).toHaveProperty("code", "OCI_REFERENCE_INVALID");
      }
    }),
  );
});
