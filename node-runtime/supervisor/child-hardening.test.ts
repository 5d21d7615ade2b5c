import { expect, test } from "vitest";
import { findLauncher } from "./child-hardening.ts";

const ROOT = "CapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n";
const USER = "CapEff:\t0000000000000000\nNoNewPrivs:\t0\n";
const POD = "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n";

function programsOf(words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith("/"));
}

test("child launcher: root's children lose what they need not, and write no core", () => {
  const { words, inEffect } = findLauncher(ROOT, () => true);
  expect(programsOf(words)).toEqual(["/usr/bin/setpriv", "/usr/bin/prlimit"]);
  expect(inEffect).toEqual(["no_new_privs", "few capabilities", "no core dumps"]);
});

test("child launcher: who has no capabilities has none to give up", () => {
  const { words, inEffect } = findLauncher(USER, () => true);
  expect(words).toEqual(["/usr/bin/setpriv", "--no-new-privs", "/usr/bin/prlimit", "--core=0:0"]);
  expect(inEffect).toEqual(["no_new_privs", "no core dumps"]);
});

test("child launcher: in a pod that may gain nothing, nothing is started for that", () => {
  const { words, inEffect } = findLauncher(POD, ([program]) => program !== "/usr/bin/prlimit");
  expect([words, inEffect]).toEqual([[], ["no_new_privs"]]);
});

test("child launcher: where a system has no such programs, children start all the same", () => {
  expect(findLauncher(ROOT, () => false)).toEqual({ words: [], inEffect: [] });
  expect(findLauncher("", () => false)).toEqual({ words: [], inEffect: [] });
});
