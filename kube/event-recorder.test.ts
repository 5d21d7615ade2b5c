import { expect, test } from "vitest";
import { createFakeTiming } from "../common/fake-timing.ts";
import { EventRecorder, type EventNote } from "./event-recorder.ts";
import { EVENTS, type Event, type Pod } from "./resources.ts";
import { errorOf, SimulatedApi } from "./simulated-api.ts";

const POD: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "team", uid: "u1" } };
const NOTE: EventNote = { type: "Warning", reason: "Failed", action: "Start", note: "it did not start" };

function setUp(): {
  api: SimulatedApi;
  timing: ReturnType<typeof createFakeTiming>;
  recorder: EventRecorder;
  events: () => Event[];
  errors: unknown[];
} {
  const [api, timing] = [new SimulatedApi(), createFakeTiming()];
  const errors: unknown[] = [];
  const recorder = new EventRecorder({
    client: api,
    controller: "wasmlet.dev/operator",
    instance: "operator-0",
    timing,
    onError: (thrown) => errors.push(thrown),
  });
  return { api, timing, recorder, errors, events: () => api.objects(EVENTS) };
}

test("events: an event says everything that the API server wants to know", async () => {
  const { timing, recorder, events } = setUp();
  recorder.record(POD, NOTE);
  await timing.advance(0);
  expect(events()).toEqual([
    expect.objectContaining({
      ...NOTE,
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "wasmlet.dev/operator",
      reportingInstance: "operator-0",
      regarding: { apiVersion: "v1", kind: "Pod", name: "a", namespace: "team", uid: "u1" },
      metadata: expect.objectContaining({ namespace: "team", name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) }),
    }),
  ]);
});

test("events: what repeats within six minutes is one event with a count", async () => {
  const { timing, recorder, events } = setUp();
  for (let n = 0; n < 10; n++) {
    recorder.record(POD, { ...NOTE, note: `try ${n}` });
    await timing.advance(60_000);
  }
  expect(events()).toHaveLength(1);
  expect(events()[0]?.series).toEqual({ count: 10, lastObservedTime: "2026-01-01T00:09:00.000000Z" });
  await timing.advance(6 * 60_000);
  recorder.record(POD, NOTE);
  await timing.advance(0);
  expect(events()).toHaveLength(2);
});

test("events: a flood of the same costs few writes, and the count is right in the end", async () => {
  const { api, timing, recorder, events } = setUp();
  let writes = 0;
  const mergePatch = api.mergePatch.bind(api);
  api.mergePatch = (...args) => (writes++, mergePatch(...args) as never);
  for (let n = 0; n < 1000; n++) {
    recorder.record(POD, NOTE);
    await timing.advance(100);
  }
  expect(writes).toBeLessThan(6);
  await recorder.stop();
  expect(events()[0]?.series?.count).toBe(1000);
});

test("events: different ones about one object are limited, and what is dropped is counted", async () => {
  const { timing, recorder, events } = setUp();
  for (let n = 0; n < 40; n++) recorder.record(POD, { ...NOTE, reason: `Reason${n}` });
  await timing.advance(0);
  expect([events().length, recorder.dropped]).toEqual([25, 15]);
  await timing.advance(10 * 60_000);
  for (let n = 40; n < 45; n++) recorder.record(POD, { ...NOTE, reason: `Reason${n}` });
  await timing.advance(0);
  expect(events()).toHaveLength(27);
});

test("events: contract: recording never throws, and the queue is bounded", async () => {
  const { api, timing, recorder, errors } = setUp();
  api.failNext(...Array.from({ length: 1000 }, () => errorOf("KUBE_FORBIDDEN")));
  for (let n = 0; n < 1500; n++) recorder.record({ ...POD, metadata: { ...POD.metadata, uid: `u${n}` } }, NOTE);
  await timing.advance(0);
  expect([recorder.dropped, errors.length]).toEqual([1500, 1000]);
});

test("events: an event that the API server has forgotten is created anew", async () => {
  const { api, timing, recorder, events } = setUp();
  recorder.record(POD, NOTE);
  await timing.advance(0);
  await api.delete(EVENTS, events()[0]!.metadata);
  recorder.record(POD, NOTE);
  await timing.advance(0);
  expect(events()[0]?.series?.count).toBe(2);
});

test("events: a note is cut where the API server would refuse it, never within a character", async () => {
  const { timing, recorder, events } = setUp();
  recorder.record(POD, { ...NOTE, note: "ü".repeat(2000) });
  await timing.advance(0);
  const { note } = events()[0]!;
  expect(note).toMatch(/^ü+…$/);
  expect(Buffer.byteLength(note!)).toBeLessThanOrEqual(1024);
});

test("events: one about an object of the cluster is in the namespace default", async () => {
  const { timing, recorder, events } = setUp();
  recorder.record({ apiVersion: "v1", kind: "Node", metadata: { name: "n1", uid: "u2" } }, NOTE);
  await timing.advance(0);
  expect(events()[0]?.metadata.namespace).toBe("default");
});
