import fc from "fast-check";
import { expect, test } from "vitest";
import { buildTemplate } from "../../../operator/apps/template.ts";
import { pinned, recordOf, replicaOf, servingApp } from "../fixtures.ts";
import { chooseRevision, currentTemplate, revisionsOf } from "./revisions.ts";
import { describeChanges, mergePatchOf, newlyPinned, specFrom } from "./undo.ts";

/** RFC 7396, as its pseudocode has it. */
function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...(target as Record<string, unknown>) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer(), { maxLength: 2 }));
const key = fc.constantFrom("a", "b", "c");
const object = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)))));

test("merge patch: contract: applied to what was, it gives what is to be", () => {
  fc.assert(
    fc.property(object, object, (before, after) => {
      const patch = mergePatchOf(before, after);
      expect(patch === undefined ? before : applyMergePatch(before, patch)).toEqual(after);
    }),
  );
});

test("undo: the spec that a template gives asks for that template", () => {
  const app = servingApp({ limits: { memory: "64Mi", concurrency: 3 }, scale: { minReplicas: 2, idleSeconds: 5 } });
  const { template } = revisionsOf(app, [recordOf(app, 1, { limits: { memory: "32Mi" }, idleSeconds: 9 })], [])[0]!;
  const spec = specFrom(app, template);
  expect(buildTemplate({ ...app, spec })).toEqual(template);
  expect(spec.scale).toMatchObject({ minReplicas: 2, idleSeconds: 9 });
  expect(spec.placement).toEqual(app.spec.placement);
  expect(newlyPinned(app.spec, spec)).toBe(pinned("1"));
  expect(mergePatchOf(app.spec, spec)).toEqual({
    source: { oci: { image: pinned("1") } },
    limits: expect.objectContaining({ memory: "32Mi", concurrency: null }),
    scale: { idleSeconds: 9 },
  });
});

test("undo: a tag that still leads to the image stays a tag, and a field of the app a field", () => {
  const field = { name: "WHO", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } };
  const app = servingApp({ env: [field, { name: "GREETING", value: "Hi" }] });
  const template = {
    ...currentTemplate(app),
    env: [
      { name: "WHO", value: "hello" },
      { name: "GREETING", value: "Hello" },
    ],
  };
  const spec = specFrom(app, template);
  expect(spec.source).toEqual({ oci: { image: "example.com/hello:2" } });
  expect(spec.env).toEqual([field, { name: "GREETING", value: "Hello" }]);
  expect(newlyPinned(app.spec, spec)).toBeUndefined();
});

test("undo: a source of another kind takes the place of the one before", () => {
  const app = servingApp();
  const http = { url: "http://example.com/a.wasm", sha256: "0".repeat(64) };
  const spec = specFrom(app, { ...currentTemplate(app), source: { http } });
  expect(mergePatchOf(app.spec, spec)).toEqual({ source: { oci: null, http } });
});

test("undo: differences are told field by field", () => {
  expect(describeChanges({ a: 1, b: { c: [1], d: "x" } }, { a: 2, b: { c: [1] } }, "spec")).toEqual([
    "- spec.a: 1",
    "+ spec.a: 2",
    '- spec.b.d: "x"',
  ]);
});

test("revisions: records are the past, the spec is the present", () => {
  const app = servingApp();
  const [one, two] = [replicaOf(app, "node1"), replicaOf(app, "node2", { revision: "rev1" })];
  const foreign = { ...recordOf(app, 9), metadata: { ...recordOf(app, 9).metadata, ownerReferences: [] } };
  const revisions = revisionsOf(app, [recordOf(app, 1), foreign], [one, two]);
  expect(revisions.map(({ number, nodes, isCurrent }) => [number, nodes, isCurrent])).toEqual([
    [1, 1, false],
    [2, 1, true],
  ]);
});

test("revisions: an app that returned to a recorded revision has it as its current one", () => {
  const app = servingApp({}, { revision: "rev1", image: pinned("1") });
  const revisions = revisionsOf(app, [recordOf(app, 1), recordOf(app, 2)], []);
  expect(revisions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
    [1, true],
    [2, false],
  ]);
  expect(chooseRevision(app, revisions).number).toBe(2);
});

test("revisions: what nodes still run is the way back when the new revision never came to any", () => {
  const app = servingApp({}, { revision: "bad", image: undefined as never });
  const template = { ...currentTemplate(app), source: { oci: { image: pinned("1") } } };
  const replica = replicaOf(app, "node1", { revision: "good", template });
  const revisions = revisionsOf(app, [recordOf(app, 1)], [replica]);
  expect(revisions.map(({ number, nodes, isCurrent }) => [number, nodes, isCurrent])).toEqual([
    [1, 0, false],
    [2, 1, false],
    [3, 0, true],
  ]);
  expect(chooseRevision(app, revisions).template).toEqual(template);
});

test("revisions: undo passes over restarts, which changed nothing, unless one is named", () => {
  const app = servingApp();
  const restarted = { ...recordOf(app, 2), data: { template: currentTemplate(app) } };
  const before = { ...recordOf(app, 1) };
  const renamed = { ...restarted, metadata: { ...restarted.metadata, name: "hello-other" } };
  const revisions = revisionsOf(app, [before, renamed], []);
  expect(chooseRevision(app, revisions).number).toBe(1);
  expect(chooseRevision(app, revisions, 2).number).toBe(2);
  expect(() => chooseRevision(app, revisions, 7)).toThrow("hello has no revision 7");
  expect(() => chooseRevision(app, revisionsOf(app, [], []))).toThrow("no earlier revision");
});
