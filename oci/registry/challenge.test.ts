import fc from "fast-check";
import { expect, test } from "vitest";
import { readChallenges } from "./challenge.ts";

function read(...values: string[]): [string, Record<string, string>][] {
  return readChallenges(values).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test.each([
  [
    'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull"',
    [
      "bearer",
      { realm: "https://auth.example.com/token", service: "registry.example.com", scope: "repository:a/b:pull" },
    ],
  ],
  ['Basic realm="Registry \\"one\\""', ["basic", { realm: 'Registry "one"' }]],
  ["Negotiate", ["negotiate", {}]],
  ['bearer  Realm = "https://a/" , error=invalid_token', ["bearer", { realm: "https://a/", error: "invalid_token" }]],
])("challenge: %s", (header, expected) => {
  expect(read(header)).toEqual([expected]);
});

test("challenge: several of them, in one header or in many", () => {
  const both = [
    ["basic", { realm: "a, b" }],
    ["bearer", { realm: "https://a/" }],
  ];
  expect(read('Basic realm="a, b", Bearer realm="https://a/"')).toEqual(both);
  expect(read('Basic realm="a, b"', 'Bearer realm="https://a/"')).toEqual(both);
});

test("challenge: a header that is too long is left out, and parameters are bounded", () => {
  expect(read(`Bearer realm="${"a".repeat(9000)}"`)).toEqual([]);
  const many = Array.from({ length: 100 }, (_, index) => `p${index}=1`).join(",");
  expect(readChallenges([`Bearer ${many}`])[0]?.parameters.size).toBe(32);
});

test("challenge: any text is read without an error, in time that grows with its length", () => {
  const piece = fc.constantFrom("Bearer", "Basic", " ", ",", "=", '"', "\\", "realm", "a", '"x"', "\t");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      for (const { scheme } of readChallenges([pieces.join("")])) expect(scheme).toMatch(/^[^\s,"=]+$/);
    }),
  );
});
