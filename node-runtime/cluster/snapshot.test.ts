import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { minimalReplica } from "./fixtures.ts";
import type { ReferencedObject } from "./reference-reader.ts";
import { Snapshot } from "./snapshot.ts";

let root: string;
const problems: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "wasmlet-snapshot-"));
  problems.length = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function snapshot(changes: { nodeName?: string; secretsFolder?: string } = {}): Snapshot {
  return new Snapshot({
    folder: join(root, "cluster"),
    nodeName: "node1",
    secretsFolder: join(root, "secrets"),
    onProblem: (problem) => problems.push(problem),
    ...changes,
  });
}

const MAP: ReferencedObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "map", namespace: "default" },
  binaryData: { "app.wasm": "AGFzbQ==" },
};
const SECRET: ReferencedObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "key", namespace: "default", resourceVersion: "7" },
  data: { token: "czNjcmV0" },
};

test("snapshot: replicas and objects are there for the next start", () => {
  const before = snapshot();
  before.keepReplicas([minimalReplica("a", { status: { state: "Ready", revision: "r1", startP50: "1ms" } })]);
  before.keepObject(MAP);
  before.keepObject(SECRET);
  const after = snapshot();
  const [replica] = after.readReplicas() ?? [];
  expect(replica).toMatchObject({ metadata: { name: "a", uid: "uid-a" }, status: { state: "Ready", revision: "r1" } });
  expect(replica?.spec).toEqual(minimalReplica("a").spec);
  expect(after.readObjects()).toMatchObject([
    { binaryData: { "app.wasm": "AGFzbQ==" } },
    { data: { token: "czNjcmV0" } },
  ]);
});

test("snapshot: contract: secrets are in their own folder, for nobody else to read, or nowhere", () => {
  snapshot().keepObject(SECRET);
  const folder = join(root, "secrets", "objects");
  const [file = ""] = readdirSync(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  expect(readdirSync(root)).toEqual(["secrets"]);

  const without = new Snapshot({ folder: join(root, "other"), nodeName: "node1", onProblem: () => {} });
  without.keepObject(SECRET);
  expect(readdirSync(root)).toEqual(["secrets"]);
});

test("snapshot: a report changes nothing on disk", () => {
  const kept = snapshot();
  kept.keepReplicas([minimalReplica("a")]);
  const file = join(root, "cluster", "replicas");
  const { ino } = statSync(file);
  kept.keepReplicas([minimalReplica("a", { metadata: { resourceVersion: "9" }, status: { startP50: "2ms" } })]);
  expect(statSync(file).ino).toBe(ino);
  kept.keepReplicas([minimalReplica("a", { metadata: { generation: 2 } })]);
  expect(statSync(file).ino).not.toBe(ino);
});

test.each([
  ["cut short", (text: string) => text.slice(0, -3)],
  ["changed", (text: string) => text.replace("20000", "20001")],
  ["of a later version", (text: string) => text.replace("wasmlet 1", "wasmlet 2")],
  ["empty", () => ""],
  ["no JSON", () => "garbage"],
])("snapshot: a file that is %s counts as missing", (_, damage) => {
  snapshot().keepReplicas([minimalReplica("a")]);
  const file = join(root, "cluster", "replicas");
  writeFileSync(file, damage(readFileSync(file, "utf8")));
  expect(snapshot().readReplicas()).toBeUndefined();
  snapshot().keepReplicas([minimalReplica("a")]);
  expect(snapshot().readReplicas()).toHaveLength(1);
});

test("snapshot: an object under another's name is not taken", () => {
  snapshot().keepObject(MAP);
  const folder = join(root, "cluster", "objects");
  const [file = ""] = readdirSync(folder);
  writeFileSync(join(folder, "0".repeat(64)), readFileSync(join(folder, file)));
  expect(snapshot().readObjects()).toHaveLength(1);
});

test("snapshot: another node's replicas are not run here", () => {
  snapshot().keepReplicas([minimalReplica("a")]);
  expect(snapshot({ nodeName: "node2" }).readReplicas()).toBeUndefined();
});

test("snapshot: objects that no app refers to go", () => {
  const kept = snapshot();
  kept.keepObject(MAP);
  kept.keepObject(SECRET);
  kept.keepOnly(new Set(["ConfigMap default/map"]));
  expect(kept.readObjects().map(({ kind }) => kind)).toEqual(["ConfigMap"]);
});

test("snapshot: a disk that cannot be written is told of once", () => {
  writeFileSync(join(root, "cluster"), "in the way");
  const kept = snapshot();
  kept.keepReplicas([minimalReplica("a")]);
  kept.keepObject(MAP);
  expect(problems).toHaveLength(1);
});
