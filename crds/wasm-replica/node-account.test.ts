import { expect, test } from "vitest";
import { DNS_SUBDOMAIN } from "../wasm-app/patterns.ts";
import { nodeAccountName } from "./node-account.ts";

test("node account: the name shows the node", () => {
  expect(nodeAccountName("node1.example.com")).toBe("wasmlet-node-node1.example.com");
});

test("node account: names that are too long are cut and stay apart", () => {
  const long = `${"a".repeat(221)}.${"b".repeat(30)}`;
  const names = [`${long}1`, `${long}2`].map(nodeAccountName);
  expect(new Set(names).size).toBe(2);
  for (const name of names) {
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(new RegExp(DNS_SUBDOMAIN, "u"));
  }
});
