import { expect, test } from "vitest";
import { formatAge } from "./age.ts";
import { formatApps, formatReplicas } from "./app-table.ts";
import { condition, replicaOf, servingApp } from "./fixtures.ts";

const NOW_MS = Date.parse("2026-01-01T00:05:20Z");
const options = { isWide: false, hasNamespace: false, nowMs: NOW_MS };

test("get: an app with its nodes, where it answers and how fast it starts", () => {
  const app = servingApp();
  expect(formatApps([app], [replicaOf(app, "node2"), replicaOf(app, "node1")], options)).toBe(
    [
      "APP     READY   REPLICAS   REVISION   NODES         URL                        START-P50   AGE     REASON",
      "hello   True    2/2        rev2       node1,node2   http://hello.default.svc   0.4ms       5m20s   Serving",
      "",
    ].join("\n"),
  );
});

test("get: many nodes are counted, and wide they are named with image and message", () => {
  const app = servingApp();
  const replicas = ["n1", "n2", "n3", "n4", "n5"].map((node) => replicaOf(app, node));
  expect(formatApps([app], replicas, options)).toContain(" n1,n2,n3 +2 ");
  const wide = formatApps([app], replicas, { ...options, isWide: true, hasNamespace: true });
  expect(wide).toMatch(/^NAMESPACE {3}APP /);
  expect(wide).toContain("n1,n2,n3,n4,n5");
  expect(wide).toContain("example.com/hello:2@sha256:1111");
  expect(wide).toContain("serves on 2 of 2 nodes");
});

test.each([
  [
    "what is wrong",
    [condition("Degraded", "True", "TooFewNodes"), condition("Progressing", "True", "RollingOut")],
    "TooFewNodes",
  ],
  [
    "what is under way",
    [condition("Degraded", "False", "AsExpected"), condition("Progressing", "True", "RollingOut")],
    "RollingOut",
  ],
  ["that nobody has looked at it", [], "NotObserved"],
])("get: the reason is %s", (_, conditions, reason) => {
  expect(formatApps([servingApp({}, { conditions })], [], options)).toMatch(new RegExp(` ${reason}\n$`));
});

test("get APP: a line per node, with both revisions while one takes the other's place", () => {
  const app = servingApp();
  const replica = replicaOf(app, "node1");
  replica.status = { ...replica.status!, revision: "rev1", restarts: 2, reason: "GuestTrapped", podIP: "fd00::1" };
  expect(formatReplicas([replica], { hasApp: false, isWide: false, nowMs: NOW_MS })).toBe(
    [
      "NODE    STATE   REVISION    ADDRESS           START                                    START-P50   RESTARTS   AGE     REASON",
      "node1   Ready   rev1→rev2   [fd00::1]:20000   instantiate=0.1ms,first_response=0.3ms   0.4ms       2          5m20s   GuestTrapped",
      "",
    ].join("\n"),
  );
  const { status: _status, ...pending } = replica;
  expect(formatReplicas([pending], { hasApp: true, isWide: true, nowMs: NOW_MS })).toMatch(
    /\nhello {3}node1 {3}Pending /,
  );
});

test.each([
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [200, "3m20s"],
  [3600, "60m"],
  [3 * 3600 + 60, "3h1m"],
  [86_400, "24h"],
  [3 * 86_400 + 7200, "3d2h"],
  [100 * 86_400, "100d"],
  [800 * 86_400, "2y70d"],
  [-5, "0s"],
])("age: %i seconds are %s", (seconds, text) => {
  expect(formatAge("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:00Z") + seconds * 1000)).toBe(text);
});

test("age: what has no date has no age", () => {
  expect(formatAge(undefined, 0)).toBe("");
});
