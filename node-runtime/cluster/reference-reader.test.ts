import { expect, test } from "vitest";
import { createFakeTiming, type FakeTiming } from "../../common/fake-timing.ts";
import { errorOf } from "../../kube/simulated-api.ts";
import { ReferenceReader, type ReferencedObject } from "./reference-reader.ts";
import type { Reference } from "./references.ts";

const MAP: Reference = { kind: "ConfigMap", namespace: "default", name: "map", isOptional: false };
const OPTIONAL: Reference = { ...MAP, isOptional: true };

function configMap(value: string, name = "map"): ReferencedObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { key: value } };
}

/** A reader over answers that the test sets: an object, nothing, or an error. */
function readerOf(): {
  reader: ReferenceReader;
  timing: FakeTiming;
  reads: string[];
  answer: (next: ReferencedObject | undefined | Error) => void;
} {
  const timing = createFakeTiming();
  const reads: string[] = [];
  let answer: ReferencedObject | undefined | Error;
  const reader = new ReferenceReader({
    read: async ({ name }) => {
      reads.push(name);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onRead: () => {},
    timing,
  });
  return { reader, timing, reads, answer: (next) => (answer = next) };
}

test("reference reader: wishes that come together share one reading", async () => {
  const { reader, timing, reads, answer } = readerOf();
  answer(configMap("1"));
  expect(reader.wish("a r1", [MAP])).toBeUndefined();
  expect(reader.wish("b r1", [MAP])).toBeUndefined();
  await timing.advance(0);
  expect(reader.wish("a r1", [MAP])).toEqual({ objects: [configMap("1")] });
  expect(reader.wish("b r1", [MAP])).toEqual({ objects: [configMap("1")] });
  expect(reads).toEqual(["map"]);
});

test("reference reader: contract: a new revision gets what was read after it came", async () => {
  const { reader, timing, answer } = readerOf();
  answer(configMap("1"));
  reader.wish("a r1", [MAP]);
  await timing.advance(0);
  answer(configMap("2"));
  expect(reader.wish("a r2", [MAP])).toBeUndefined();
  await timing.advance(0);
  expect(reader.wish("a r2", [MAP])).toEqual({ objects: [configMap("2")] });
});

test("reference reader: nothing is kept once every wish is met", async () => {
  const { reader, timing, reads, answer } = readerOf();
  answer(configMap("1"));
  reader.wish("a r1", [MAP]);
  await timing.advance(0);
  reader.forget("a r1");
  expect(reader.wish("a r1", [MAP])).toBeUndefined();
  await timing.advance(0);
  expect(reads).toHaveLength(2);
});

test("reference reader: a missing object is named, and looked for ever more rarely", async () => {
  const { reader, timing, reads, answer } = readerOf();
  reader.wish("a r1", [MAP]);
  await timing.advance(0);
  expect(reader.wish("a r1", [MAP])?.problem).toMatchObject({
    code: "APP_REFERENCE_MISSING",
    message: "ConfigMap map is not there",
    details: { where: "namespace default" },
  });
  await timing.advance(600_000);
  expect(reads.length).toBeLessThan(30);
  answer(configMap("1"));
  await timing.advance(60_000);
  expect(reader.wish("a r1", [MAP])?.objects).toHaveLength(1);
  const { length } = reads;
  await timing.advance(600_000);
  expect(reads).toHaveLength(length);
});

test("reference reader: an app does without an object that is optional, and nobody looks for it", async () => {
  const { reader, timing, reads } = readerOf();
  reader.wish("a r1", [OPTIONAL]);
  await timing.advance(0);
  expect(reader.wish("a r1", [OPTIONAL])).toEqual({ objects: [] });
  await timing.advance(600_000);
  expect(reads).toHaveLength(1);
});

test("reference reader: what is not granted yet is waited for, and then named with who grants it", async () => {
  const { reader, timing, answer } = readerOf();
  answer(errorOf("KUBE_FORBIDDEN"));
  reader.wish("a r1", [OPTIONAL]);
  await timing.advance(4000);
  expect(reader.wish("a r1", [OPTIONAL])).toBeUndefined();
  await timing.advance(1000);
  expect(reader.wish("a r1", [OPTIONAL])?.problem).toMatchObject({
    message: "this node may not read ConfigMap map",
    fix: expect.stringContaining("operator"),
  });
  answer(configMap("1"));
  await timing.advance(60_000);
  expect(reader.wish("a r1", [OPTIONAL])?.objects).toHaveLength(1);
});

test("reference reader: while the API server is away, wishes wait", async () => {
  const { reader, timing, answer } = readerOf();
  answer(errorOf("KUBE_UNREACHABLE"));
  reader.wish("a r1", [MAP]);
  await timing.advance(120_000);
  expect(reader.wish("a r1", [MAP])).toBeUndefined();
  answer(configMap("1"));
  await timing.advance(60_000);
  expect(reader.wish("a r1", [MAP])?.objects).toHaveLength(1);
});

test("reference reader: what was on disk counts until the API server is there", async () => {
  const { reader, timing, reads, answer } = readerOf();
  reader.restore([configMap("old")]);
  expect(reader.wish("a r1", [MAP])).toEqual({ objects: [configMap("old")] });
  await timing.advance(0);
  expect(reads).toEqual([]);
  reader.forget("a r1");
  reader.forgetRestored();
  answer(configMap("new"));
  expect(reader.wish("a r2", [MAP])).toBeUndefined();
  await timing.advance(0);
  expect(reader.wish("a r2", [MAP])).toEqual({ objects: [configMap("new")] });
});

test("reference reader: an app that goes ends the looking for what it misses", async () => {
  const { reader, timing, reads } = readerOf();
  reader.wish("a r1", [MAP]);
  await timing.advance(0);
  reader.forget("a r1");
  await timing.advance(600_000);
  expect(reads).toHaveLength(1);
});
