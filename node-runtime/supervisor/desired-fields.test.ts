import { expect, test } from "vitest";
import type { DesiredApp } from "./desired-state.ts";
import { changedFields, fieldsOf } from "./desired-fields.ts";

const APP = {
  source: { kind: "bytes", bytes: Buffer.alloc(1_000_000, 1) },
  volumes: [{ name: "v", mountPath: "/v", writable: false, entries: new Map([["a", Buffer.from("a")]]) }],
} as unknown as DesiredApp;

test("desired fields: bytes are compared by their digest, whoever holds them", () => {
  const fields = fieldsOf(APP);
  expect([...fields.values()].join("").length).toBeLessThan(1000);
  const other = { ...APP, source: { kind: "bytes", bytes: Buffer.alloc(1_000_000, 2) } } as DesiredApp;
  expect(changedFields(fields, fieldsOf(other))).toEqual(["source"]);
  const volumes = [{ ...APP.volumes[0]!, entries: new Map([["a", Buffer.from("b")]]) }] as DesiredApp["volumes"];
  expect(changedFields(fields, fieldsOf({ ...APP, volumes }))).toEqual(["files"]);
  expect(changedFields(fields, fieldsOf({ ...APP, revision: "r2" }))).toEqual([]);
});
