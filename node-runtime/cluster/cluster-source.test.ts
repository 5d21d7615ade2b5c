import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFakeTiming, type FakeTiming } from "../../common/fake-timing.ts";
import { ObjectStore } from "../../kube/store.ts";
import type { DesiredState } from "../supervisor/desired-state.ts";
import { ClusterSource, type ReplicaFeed } from "./cluster-source.ts";
import { minimalReplica, minimalTemplate, type ReplicaChanges } from "./fixtures.ts";
import { ReferenceReader, type ReferencedObject } from "./reference-reader.ts";
import type { Replica } from "./replica.ts";
import { Snapshot } from "./snapshot.ts";

const HTTP = minimalTemplate({ source: { http: { url: "https://example.com/a.wasm", sha256: "0".repeat(64) } } });
const PROGRAM: ReferencedObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "program", namespace: "default" },
  binaryData: { "app.wasm": "AGFzbQ==" },
};

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "wasmlet-source-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A feed that is filled when the test says so. */
class TestFeed implements ReplicaFeed {
  readonly store = new ObjectStore<Replica>();
  readonly #synced = Promise.withResolvers<void>();
  isSynced = false;
  start(): void {}
  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }
  sync(...replicas: Replica[]): void {
    this.store.replace(replicas, "9");
    this.isSynced = true;
    this.#synced.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
}

/** A source with a feed, a clock and a disk of the test's own. */
function sourceOf() {
  const timing: FakeTiming = createFakeTiming();
  const feed = new TestFeed();
  const snapshot = new Snapshot({ folder: join(root, "cluster"), nodeName: "node1", onProblem: () => {} });
  const states: DesiredState[] = [];
  const started: (number | undefined)[] = [];
  const world = { hasReported: false };
  const references = new ReferenceReader({
    read: async () => {
      snapshot.keepObject(PROGRAM);
      return PROGRAM;
    },
    onRead: () => source.schedule(),
    timing,
  });
  const source: ClusterSource = new ClusterSource({
    feed,
    references,
    snapshot,
    me: { name: "me" },
    viewOf: () => undefined,
    onApplied: () => {},
    hasReported: () => world.hasReported,
    onStartFromDisk: (replicas) => started.push(replicas),
    timing,
  });
  const start = (): Promise<void> => source.start((state) => void states.push(state));
  const apps = (): string[] => states.at(-1)!.apps.map(({ id }) => id);
  return { source, start, feed, timing, states, apps, started, world };
}

/** Changes that make a replica one of this time. */
function created(creationTimestamp: string): ReplicaChanges {
  return { metadata: { creationTimestamp }, spec: { template: HTTP } };
}

/** A replica of the app `a`, under any name. */
function twin(name: string, creationTimestamp: string): Replica {
  return minimalReplica(name, {
    metadata: { creationTimestamp },
    spec: { template: HTTP, appName: "a", revision: name },
  });
}

test("cluster source: the replicas of the node are its apps, the oldest first", async () => {
  const { start, feed, apps, timing } = sourceOf();
  feed.sync(minimalReplica("a", created("2026-01-02T00:00:00Z")), minimalReplica("b", created("2026-01-01T00:00:00Z")));
  await start();
  expect(apps()).toEqual(["default/b", "default/a"]);
  feed.store.noteDeletion({
    ...minimalReplica("b"),
    metadata: { ...minimalReplica("b").metadata, resourceVersion: "20" },
  });
  await timing.advance(20);
  expect(apps()).toEqual(["default/a"]);
});

test("cluster source: reports of replicas change nothing that is asked for", async () => {
  const { start, feed, states, timing } = sourceOf();
  feed.sync(minimalReplica("a", { spec: { template: HTTP } }));
  await start();
  for (let version = 10; version < 20; version++) {
    const metadata = { resourceVersion: String(version) };
    feed.store.note(minimalReplica("a", { metadata, spec: { template: HTTP }, status: { restarts: version } }));
    await timing.advance(100);
  }
  expect(states).toHaveLength(1);
});

test("cluster source: of two replicas of one app the older one is run, and the other is told of", async () => {
  const { start, feed, states } = sourceOf();
  feed.sync(twin("y", "2026-01-02T00:00:00Z"), twin("x", "2026-01-03T00:00:00Z"));
  await start();
  expect(states.at(-1)).toMatchObject({
    apps: [{ id: "default/a", revision: "y" }],
    problems: [{ code: "APP_CONFLICT", details: { where: "WasmReplica default/x" } }],
  });
});

test("cluster source: contract: without the API server it starts what it ran before, and converges when it is back", async () => {
  const before = sourceOf();
  before.feed.sync(minimalReplica("a"), minimalReplica("gone", { spec: { template: HTTP } }));
  await before.start();
  await before.timing.advance(2000);
  before.source.stop();

  const { start, feed, apps, started, timing, states } = sourceOf();
  const starting = start();
  await timing.advance(3000);
  await starting;
  expect(started).toEqual([2]);
  expect(apps()).toEqual(["default/a", "default/gone"]);
  expect(states.at(-1)!.apps[0]?.refusal).toBeUndefined();
  const [app] = states.at(-1)!.apps;
  feed.sync(minimalReplica("a"), minimalReplica("new", { spec: { template: HTTP } }));
  await timing.advance(100);
  expect(apps()).toEqual(["default/a", "default/new"]);
  expect(states.at(-1)!.apps[0]).toBe(app);
});

test("cluster source: with neither API server nor disk there are no apps, and it is not ready", async () => {
  const { source, start, started, timing, states, world } = sourceOf();
  world.hasReported = true;
  const starting = start();
  await timing.advance(3000);
  await starting;
  expect(started).toEqual([undefined]);
  expect(states.at(-1)).toEqual({ apps: [], problems: [] });
  expect(source.isReady(true)).toBe(false);
});

test("cluster source: is ready once its apps are settled and reported, and then for good", async () => {
  const { source, start, feed, timing, world } = sourceOf();
  feed.sync(minimalReplica("a"));
  await start();
  world.hasReported = true;
  expect(source.isReady(true)).toBe(false); // what it refers to is being read
  await timing.advance(100);
  expect(source.isReady(false)).toBe(false);
  world.hasReported = false;
  expect(source.isReady(true)).toBe(false);
  world.hasReported = true;
  expect(source.isReady(true)).toBe(true);
  world.hasReported = false;
  expect(source.isReady(false)).toBe(true);
});

test("cluster source: a replica that is being deleted is not run any more", async () => {
  const { start, feed, states } = sourceOf();
  feed.sync(minimalReplica("a", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, spec: { template: HTTP } }));
  await start();
  expect(states).toEqual([{ apps: [], problems: [] }]);
});
