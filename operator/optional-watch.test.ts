import { expect, test } from "vitest";
import type { Timing } from "../common/timing.ts";
import { KubeError, type KubeErrorCode } from "../kube/kube-error.ts";
import type { KubeObject } from "../kube/objects.ts";
import { namespaced } from "../kube/resources.ts";
import { OptionalWatch, type Absence } from "./optional-watch.ts";

const WIDGETS = namespaced<KubeObject>("example.com/v1", "Widget", "widgets");
const WIDGET = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a", resourceVersion: "1" } };

/** A watch of a kind whose lists fail with these codes, one after another, until one does not. */
function watchOf(...failures: KubeErrorCode[]) {
  const errors: unknown[] = [];
  const seen: (Absence | undefined)[] = [];
  const watched = Promise.withResolvers<void>();
  const timing: Timing = {
    now: () => 0,
    date: () => new Date(0),
    random: () => 0,
    delay: () => Promise.resolve(),
  };
  const watch = new OptionalWatch({
    client: {
      list: (() => {
        const code = failures.shift();
        if (code !== undefined) return Promise.reject(new KubeError(code, "simulated"));
        return Promise.resolve({ items: [WIDGET], resourceVersion: "1" });
      }) as never,
      // oxlint-disable-next-line require-yield -- nothing happens any more
      async *watch(_resource, { signal }) {
        watched.resolve();
        await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
      },
    },
    resource: WIDGETS,
    onError: (thrown) => errors.push(thrown),
    timing,
  });
  watch.onAbsenceChange(() => seen.push(watch.absence));
  return { watch, errors, seen, watched: watched.promise };
}

test("optional watch: a kind that is there is watched like any other", async () => {
  const { watch, seen, watched } = watchOf();
  expect(watch.isKnown).toBe(false);
  watch.start();
  await watch.whenKnown();
  await watched;
  expect([...watch.store.values()]).toEqual([WIDGET]);
  expect(seen).toEqual([]);
  await watch.stop();
});

test("optional watch: a missing kind is no error, is known to be missing, and found once it is installed", async () => {
  const { watch, errors, seen, watched } = watchOf("KUBE_NOT_FOUND", "KUBE_NOT_FOUND");
  watch.start();
  await watch.whenKnown();
  await watched;
  expect(seen).toEqual(["missing", undefined]);
  expect(errors).toEqual([]);
  expect(watch.store.size).toBe(1);
  await watch.stop();
});

test("optional watch: a kind that may not be read holds nobody up, and is told of", async () => {
  const { watch, errors, seen, watched } = watchOf("KUBE_FORBIDDEN");
  watch.start();
  await watch.whenKnown();
  await watched;
  expect(seen).toEqual(["forbidden", undefined]);
  expect(errors).toHaveLength(1);
  await watch.stop();
});

test("optional watch: an API server that is away says nothing of the kind", async () => {
  const { watch, seen, watched } = watchOf("KUBE_UNREACHABLE");
  watch.start();
  await watched;
  expect(seen).toEqual([]);
  await watch.stop();
});
