import { expect, test } from "vitest";
import type { ListedApp } from "../app-list.ts";
import { formatApps, formatProblems, selectApps } from "./get.ts";

const APPS: ListedApp[] = [
  {
    namespace: "default",
    name: "hello",
    kind: "http",
    engine: "jco",
    state: "Ready",
    urls: ["http://127.0.0.1:8080"],
    startP50Seconds: 0.0034,
    restarts: 0,
    instances: 1,
    digest: `sha256:${"ab".repeat(32)}`,
  },
  {
    namespace: "default",
    name: "tour",
    kind: "command",
    state: "Failed",
    reason: "ARTIFACT_MISSING",
    message: "no such file",
    urls: [],
    restarts: 2,
    exitCode: 3,
    instances: 0,
  },
];

test("get apps: one line each", () => {
  expect(formatApps(APPS, false)).toBe(
    [
      "NAMESPACE   NAME    KIND      ENGINE   STATE    START-P50   RESTARTS   URL                     REASON",
      "default     hello   http      jco      Ready    3.4ms       0          http://127.0.0.1:8080   -",
      "default     tour    command   -        Failed   -           2          -                       ARTIFACT_MISSING",
      "",
    ].join("\n"),
  );
});

test("get apps: wide adds exit code, instances, digest and message", () => {
  const [head = "", hello = "", tour = ""] = formatApps(APPS, true).split("\n");
  expect(head).toMatch(/REASON +EXIT-CODE +INSTANCES +DIGEST +MESSAGE$/);
  expect(hello).toMatch(/ - +- +1 +sha256:abababababab +-$/);
  expect(tour).toMatch(/ARTIFACT_MISSING +3 +0 +- +no such file$/);
});

test("get app NAME: is the one app of that name, or says why not", () => {
  expect(selectApps(APPS, undefined, "tour")).toEqual([APPS[1]]);
  expect(selectApps(APPS, "default", undefined)).toEqual(APPS);
  expect(() => selectApps(APPS, "other", "tour")).toThrow(
    expect.objectContaining({ code: "APP_NOT_FOUND", message: expect.stringContaining("namespace other") }),
  );
  const twice = [...APPS, { ...APPS[1]!, namespace: "other" }];
  expect(selectApps(twice, "other", "tour")).toEqual([twice[2]]);
  expect(() => selectApps(twice, undefined, "tour")).toThrow(
    expect.objectContaining({ code: "CLI_USAGE", details: expect.objectContaining({ actual: "default, other" }) }),
  );
});

test("get apps: what is wrong with manifests is a line each", () => {
  const problem = { code: "MANIFEST_KIND", message: "kind: expected \u001B[2J", where: "a.yaml:2:7" };
  expect(formatProblems([problem])).toBe("problem: a.yaml:2:7: MANIFEST_KIND: kind: expected \uFFFD[2J\n");
  expect(formatProblems([])).toBe("");
});
