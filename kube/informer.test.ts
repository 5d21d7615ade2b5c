import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeTiming, type FakeTiming } from "../common/fake-timing.ts";
import { Informer } from "./informer.ts";
import type { KubeErrorCode } from "./kube-error.ts";
import { CONFIG_MAPS, type ConfigMap } from "./resources.ts";
import { errorOf, SimulatedApi } from "./simulated-api.ts";

function minimalConfigMap(name: string, value = ""): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { value } };
}

interface Setup extends AsyncDisposable {
  api: SimulatedApi;
  timing: FakeTiming;
  informer: Informer<ConfigMap>;
  errors: string[];
  delays: number[];
  /** What the changes of the store amount to. */
  mirror: Map<string, ConfigMap>;
}

function setUp(): Setup {
  const api = new SimulatedApi();
  const timing = createFakeTiming();
  const errors: string[] = [];
  const delays: number[] = [];
  const mirror = new Map<string, ConfigMap>();
  const informer = new Informer({
    client: api,
    resource: CONFIG_MAPS,
    timing,
    onError: (thrown, delayMs) => {
      errors.push((thrown as { code?: string }).code ?? (thrown as Error).message);
      delays.push(delayMs);
    },
  });
  informer.store.onChange((before, after) => {
    if (after === undefined) mirror.delete(before!.metadata.name);
    else mirror.set(after.metadata.name, after);
  });
  return { api, timing, informer, errors, delays, mirror, [Symbol.asyncDispose]: () => informer.stop() };
}

function expectEqual({ api, informer, mirror }: Setup): void {
  const expected = byName(api.objects(CONFIG_MAPS));
  expect(byName(informer.store.values())).toEqual(expected);
  expect(byName(mirror.values())).toEqual(expected);
}

function byName(objects: Iterable<ConfigMap>): ConfigMap[] {
  return [...objects].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Returns the result of a request, or undefined where it met a fault. */
async function quietly<T>(request: Promise<T>): Promise<T | undefined> {
  return request.catch(() => undefined);
}

test("informer: lists, then follows", async () => {
  await using setup = setUp();
  const { api, informer, timing } = setup;
  await api.create(CONFIG_MAPS, minimalConfigMap("a"));
  informer.start();
  expect(informer.isSynced).toBe(false);
  await informer.whenSynced();
  await api.create(CONFIG_MAPS, minimalConfigMap("b"));
  await api.apply(CONFIG_MAPS, minimalConfigMap("a", "changed"));
  await api.delete(CONFIG_MAPS, { namespace: "default", name: "b" });
  await timing.advance(0);
  expectEqual(setup);
  expect(informer.resourceVersion).toBe("4");
});

test("informer: contract: works while the API server is away at the start, and backs off", async () => {
  await using setup = setUp();
  const { api, informer, timing, delays } = setup;
  await api.create(CONFIG_MAPS, minimalConfigMap("a"));
  api.failNext(...Array.from({ length: 12 }, () => errorOf("KUBE_UNREACHABLE")));
  informer.start();
  await timing.advance(200_000);
  expect(delays).toEqual([187.5, 375, 750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500, 22_500, 22_500]);
  expectEqual(setup);
});

test("informer: contract: deletions that were missed are reported by the next list", async () => {
  await using setup = setUp();
  const { api, informer, timing, errors } = setup;
  await api.create(CONFIG_MAPS, minimalConfigMap("a"));
  await api.create(CONFIG_MAPS, minimalConfigMap("b"));
  informer.start();
  await informer.whenSynced();
  await timing.advance(2000);
  api.endWatches(errorOf("KUBE_UNREACHABLE"));
  await api.delete(CONFIG_MAPS, { namespace: "default", name: "a" });
  api.compact();
  await timing.advance(2000);
  expect(errors).toEqual(["KUBE_UNREACHABLE", "KUBE_EXPIRED"]);
  expect([...setup.mirror.keys()]).toEqual(["b"]);
  expectEqual(setup);
});

test("informer: a watch that ended in good order goes on where it was, without a list", async () => {
  await using setup = setUp();
  const { api, informer, timing, errors } = setup;
  let lists = 0;
  const list = api.list.bind(api);
  api.list = (...args) => (lists++, list(...args) as never);
  informer.start();
  await informer.whenSynced();
  await timing.advance(5000);
  api.endWatches();
  await api.create(CONFIG_MAPS, minimalConfigMap("a"));
  await timing.advance(0);
  expectEqual(setup);
  expect([lists, errors]).toEqual([1, []]);
});

test("informer: a server that ends every watch at once is not asked without a pause", async () => {
  await using setup = setUp();
  const { api, informer, timing, delays } = setup;
  let watches = 0;
  api.watch = async function* () {
    watches++;
    yield* [];
  };
  informer.start();
  await timing.advance(10_000);
  expect(watches).toBeLessThan(8);
  expect(delays.at(-1)).toBe(6000);
});

test("informer: a history that began anew, from a backup, is taken over", async () => {
  await using setup = setUp();
  const { api, informer, timing } = setup;
  await api.create(CONFIG_MAPS, minimalConfigMap("a", "1"));
  const restore = api.backup();
  informer.start();
  await informer.whenSynced();
  await api.apply(CONFIG_MAPS, minimalConfigMap("a", "2"));
  await api.create(CONFIG_MAPS, minimalConfigMap("b"));
  await timing.advance(0);
  restore();
  await timing.advance(5000);
  expectEqual(setup);
});

test("informer: what we wrote is in the store at once and stays, whatever is still on its way", async () => {
  await using setup = setUp();
  const { api, informer, timing } = setup;
  informer.start();
  await informer.whenSynced();
  await timing.advance(0);
  await api.create(CONFIG_MAPS, minimalConfigMap("a", "1"));
  informer.store.note(await api.apply(CONFIG_MAPS, minimalConfigMap("a", "2")));
  const values: unknown[] = [];
  informer.store.onChange((_, after) => values.push(after?.data?.["value"]));
  expect(informer.store.get("default/a")?.data).toEqual({ value: "2" });
  await timing.advance(0);
  expect(values).toEqual([]);
  expectEqual(setup);
});

test("informer: resync is called at intervals once it is filled", async () => {
  const timing = createFakeTiming();
  let resyncs = 0;
  const api = new SimulatedApi();
  api.failNext(errorOf("KUBE_FORBIDDEN"));
  const informer = new Informer({
    client: api,
    resource: CONFIG_MAPS,
    timing,
    resync: { everyMs: 60_000, run: () => resyncs++ },
  });
  informer.start();
  await timing.advance(200);
  await timing.advance(180_000);
  expect(resyncs).toBe(3);
  await informer.stop();
  expect(timing.waiting).toBe(0);
});

test("informer: contract: after any sequence of faults the store equals the server", async () => {
  const codes: KubeErrorCode[] = ["KUBE_UNREACHABLE", "KUBE_EXPIRED", "KUBE_FORBIDDEN", "KUBE_REFUSED"];
  const step = fc.record({
    op: fc.constantFrom(
      "write",
      "ourWrite",
      "lateWrite",
      "answer",
      "delete",
      "ourDelete",
      "end",
      "break",
      "fail",
      "compact",
      "advance",
    ),
    name: fc.constantFrom("a", "b", "c", "d"),
    value: fc.constantFrom("1", "2", "3"),
    code: fc.constantFrom(...codes),
    ms: fc.nat(2000),
  });
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    await using setup = setUp();
    const { api, informer, timing } = setup;
    informer.start();
    const late: ConfigMap[] = [];
    for (const { op, name, value, code, ms } of steps) {
      const ref = { namespace: "default", name };
      if (op === "write") await quietly(api.apply(CONFIG_MAPS, minimalConfigMap(name, value)));
      if (op === "ourWrite" || op === "lateWrite") {
        const written = await quietly(api.apply(CONFIG_MAPS, minimalConfigMap(name, value)));
        if (written !== undefined && op === "ourWrite") informer.store.note(written);
        if (written !== undefined && op === "lateWrite") late.push(written);
      }
      if (op === "answer") for (const written of late.splice(0)) informer.store.note(written);
      if (op === "delete") await quietly(api.delete(CONFIG_MAPS, ref));
      if (op === "ourDelete") {
        const uid = api.objects(CONFIG_MAPS).find(({ metadata }) => metadata.name === name)?.metadata.uid;
        const outcome = await quietly(api.delete(CONFIG_MAPS, ref));
        if (outcome === "deleted") informer.store.noteDeleted(ref, uid!);
      }
      if (op === "end") api.endWatches();
      if (op === "break") api.endWatches(errorOf(code));
      if (op === "fail") api.failNext(errorOf(code));
      if (op === "compact") api.compact();
      if (op === "advance") await timing.advance(ms);
    }
    for (const written of late) informer.store.note(written);
    await timing.advance(600_000);
    for (const written of late) informer.store.note(written);
    expectEqual(setup);
  });
  await fc.assert(property, { numRuns: 300 });
});
