import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubeObject } from "./objects.ts";
import { ObjectStore } from "./store.ts";

function minimalObject(name: string, version: number, uid = name, labels: Record<string, string> = {}): KubeObject {
  const metadata = { name, namespace: "default", uid, resourceVersion: String(version), labels };
  return { apiVersion: "v1", kind: "Pod", metadata };
}

function namesOf(store: ObjectStore<KubeObject>): string[] {
  return [...store.values()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
}

test("store: contract: what was written is not undone by an older event", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("a", 10));
  expect(store.note(minimalObject("a", 9))).toBe(false);
  expect(store.note(minimalObject("a", 10))).toBe(false);
  expect(namesOf(store)).toEqual(["a@10"]);
});

test("store: versions are compared as numbers of any length", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("a", 9));
  store.note({
    ...minimalObject("a", 0),
    metadata: { name: "a", namespace: "default", resourceVersion: "9007199254740993" },
  });
  store.note({
    ...minimalObject("a", 0),
    metadata: { name: "a", namespace: "default", resourceVersion: "9007199254740992" },
  });
  expect(namesOf(store)).toEqual(["a@9007199254740993"]);
});

test("store: contract: an object that we deleted does not come back by an event that was on its way", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("a", 10, "first"));
  expect(store.noteDeleted({ namespace: "default", name: "a" }, "first")).toBe(true);
  expect(store.note(minimalObject("a", 11, "first"))).toBe(false);
  expect(store.note(minimalObject("a", 13, "second"))).toBe(true);
  expect(store.noteDeleted({ namespace: "default", name: "a" }, "first")).toBe(false);
  expect(store.noteDeletion(minimalObject("a", 12, "first"))).toBe(false);
  expect(namesOf(store)).toEqual(["a@13"]);
});

test("store: what a field no longer selected comes back when it is selected again, what was deleted does not", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("a", 10, "same"));
  store.noteDeletion(minimalObject("a", 12, "same"));
  expect(store.note(minimalObject("a", 11, "same"))).toBe(false);
  expect(store.note(minimalObject("a", 15, "same"))).toBe(true);
  store.noteDeleted({ namespace: "default", name: "a" }, "same");
  expect(store.note(minimalObject("a", 16, "same"))).toBe(false);
});

test("store: a list takes out what it does not have, but nothing that was noted after it was made", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("old", 5));
  store.note(minimalObject("kept", 6));
  store.note(minimalObject("ours", 21));
  const changes: (string | undefined)[][] = [];
  store.onChange((before, after) => changes.push([before?.metadata.name, after?.metadata.name]));
  store.replace([minimalObject("kept", 6), minimalObject("new", 19)], "20");
  expect(namesOf(store)).toEqual(["kept@6", "new@19", "ours@21"]);
  expect(changes).toEqual([
    [undefined, "new"],
    ["old", undefined],
  ]);
});

test("store: contract: the late answer of a write does not bring back what was deleted since", () => {
  const store = new ObjectStore<KubeObject>();
  store.replace([], "20");
  expect(store.note(minimalObject("a", 19))).toBe(false);
  expect(store.note(minimalObject("a", 21))).toBe(true);
});

test("store: after a restored backup it is what the list says, older versions too", () => {
  const store = new ObjectStore<KubeObject>();
  store.note(minimalObject("a", 50));
  store.note(minimalObject("b", 51));
  store.noteDeleted({ namespace: "default", name: "b" }, "b");
  store.reset([minimalObject("a", 40), minimalObject("b", 41)], "45");
  expect(namesOf(store)).toEqual(["a@40", "b@41"]);
});

test("store: an index and the changes always agree with the objects", () => {
  const step = fc.record({
    kind: fc.constantFrom("note", "deletion", "deleted", "replace"),
    name: fc.constantFrom("a", "b", "c"),
    version: fc.integer({ min: 1, max: 30 }),
    team: fc.constantFrom("red", "blue"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new ObjectStore<KubeObject>({ team: ({ metadata }) => Object.values(metadata.labels ?? {}) });
      const mirror = new Map<string, KubeObject>();
      store.onChange((before, after) => {
        const { name } = (after ?? before)!.metadata;
        expect(mirror.get(name)).toBe(before);
        if (after === undefined) mirror.delete(name);
        else mirror.set(name, after);
      });
      for (const { kind, name, version, team } of steps) {
        const object = minimalObject(name, version, `${name}-${version % 2}`, { team });
        if (kind === "note") store.note(object);
        else if (kind === "deletion") store.noteDeletion(object);
        else if (kind === "deleted") store.noteDeleted(object.metadata, object.metadata.uid!);
        else store.replace([object], String(version));
      }
      expect(new Set(store.values())).toEqual(new Set(mirror.values()));
      for (const team of ["red", "blue"]) {
        const expected = [...store.values()].filter(({ metadata }) => metadata.labels?.["team"] === team);
        expect(new Set(store.by("team", team))).toEqual(new Set(expected));
      }
    }),
  );
});
