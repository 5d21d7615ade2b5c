import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import { codeOf, listOpenIn, makeFolder, openPreopens } from "./test-preopen.ts";

const OPENS = 20_000;

/** Repeats `renames` in a thread until the test ends; resolves once it has begun. A failing rename is none of its concern. */
async function startRenaming(renames: ReadonlyArray<readonly [from: string, to: string]>): Promise<void> {
  const worker = new Worker(
    `const { renameSync } = require("node:fs");
     const { parentPort, workerData } = require("node:worker_threads");
     parentPort.postMessage("begun");
     for (;;) for (const [from, to] of workerData) try { renameSync(from, to); } catch {}`,
    { eval: true, workerData: renames },
  );
  onTestFinished(async () => {
    await worker.terminate();
  });
  await new Promise((resolve) => worker.once("message", resolve));
}

/** Opens `path` again and again; counts what came of it. */
function openRepeatedly(directory: Descriptor, path: string, outside: Descriptor): Record<string, number> {
  const counts: Record<string, number> = { escaped: 0, inside: 0 };
  for (let opens = 0; opens < OPENS; opens += 1) {
    let opened: Descriptor | undefined;
    const code = String(
      codeOf(() => {
        opened = directory.openAt({ symlinkFollow: true }, path, {}, { read: true });
      }),
    );
    const outcome = opened === undefined ? code : opened.isSameObject(outside) ? "escaped" : "inside";
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    opened?.[Symbol.dispose]();
  }
  return counts;
}

function openBoth(root: string, outer: string): { directory: Descriptor; outside: Descriptor } {
  const preopens = [root, outer].map((hostPath) => ({ guestPath: "/", hostPath, writable: true }));
  const [directory, outerDirectory] = openPreopens(new Scope(), preopens);
  return { directory: directory!, outside: outerDirectory!.openAt({}, "outside/file", {}, { read: true }) };
}

test.each([
  ["a link out of the preopen", "../outside"],
  ["an absolute link", ""],
])(
  "contract: a directory that is swapped with %s while a guest opens through it never lets it out",
  async (_title, target) => {
    const outer = makeFolder();
    const root = join(outer, "root");
    for (const folder of ["root/door", "outside"]) mkdirSync(join(outer, folder), { recursive: true });
    for (const file of ["root/door/file", "outside/file"]) writeFileSync(join(outer, file), "");
    symlinkSync(target === "" ? join(outer, "outside") : target, join(root, "link"));
    const { directory, outside } = openBoth(root, outer);
    const [door, link, parked] = [join(root, "door"), join(root, "link"), join(root, "parked")];
    await startRenaming([
      [door, parked],
      [link, door],
      [door, link],
      [parked, door],
    ]);
    const counts = openRepeatedly(directory, "door/file", outside);
    expect(counts["escaped"]).toBe(0);
    // Both sides of the race were seen, or it was none.
    expect(counts["inside"]).toBeGreaterThan(0);
    expect(counts["not-permitted"]).toBeGreaterThan(0);
  },
);

test("contract: a file that is swapped with a link out of the preopen never lets a guest out", async () => {
  const outer = makeFolder();
  const root = join(outer, "root");
  for (const folder of ["root", "outside"]) mkdirSync(join(outer, folder));
  for (const file of ["root/file", "outside/file"]) writeFileSync(join(outer, file), "");
  symlinkSync("../outside/file", join(root, "link"));
  const { directory, outside } = openBoth(root, outer);
  const [file, link, parked] = [join(root, "file"), join(root, "link"), join(root, "parked")];
  await startRenaming([
    [file, parked],
    [link, file],
    [file, link],
    [parked, file],
  ]);
  const counts = openRepeatedly(directory, "file", outside);
  expect(counts["escaped"]).toBe(0);
  expect(counts["inside"]).toBeGreaterThan(0);
  expect(counts["not-permitted"]).toBeGreaterThan(0);
});

test("contract: a link that appears where a guest creates a file never has it created outside", async () => {
  const outer = makeFolder();
  const root = join(outer, "root");
  mkdirSync(root);
  symlinkSync("../planted", join(root, "link"));
  const [directory] = openPreopens(new Scope(), [{ guestPath: "/", hostPath: root, writable: true }]);
  const [link, created] = [join(root, "link"), join(root, "new")];
  await startRenaming([
    [link, created],
    [created, link],
  ]);
  const codes = new Set<unknown>();
  for (let opens = 0; opens < OPENS; opens += 1) {
    const code = codeOf(() => directory!.openAt({}, "new", { create: true }, { write: true })[Symbol.dispose]());
    codes.add(code);
    // The link is gone once a created file took its place: plant it again.
    if (code === "done") codeOf(() => directory!.unlinkFileAt("new"));
    if (code === "done") codeOf(() => directory!.unlinkFileAt("link"));
    if (code === "done") codeOf(() => directory!.symlinkAt("../planted", "link"));
  }
  expect(existsSync(join(outer, "planted"))).toBe(false);
  // Both sides of the race were seen, or it was none.
  expect(codes).toContain("done");
  expect(codes).toContain("loop");
});

test("contract: `..` leads back to where the walk came from when the directory is moved out meanwhile", async () => {
  const outer = makeFolder();
  const root = join(outer, "root");
  // From `moved` in its second place, `../../outside/file` and `../file` both exist outside the preopen.
  mkdirSync(join(root, "a", "moved", "deep"), { recursive: true });
  mkdirSync(join(outer, "outside", "b"), { recursive: true });
  writeFileSync(join(root, "file"), "");
  writeFileSync(join(outer, "outside", "file"), "");
  const { directory, outside } = openBoth(root, outer);
  const [first, second] = [join(root, "a", "moved"), join(outer, "outside", "b", "moved")];
  await startRenaming([
    [first, second],
    [second, first],
  ]);
  const counts = openRepeatedly(directory, "a/moved/deep/../../../file", outside);
  expect(counts["escaped"]).toBe(0);
  expect(counts["inside"]).toBeGreaterThan(0);
  expect(counts["no-entry"]).toBeGreaterThan(0);
});

test("walks under way leave nothing open when the ground moves", async () => {
  const root = makeFolder();
  mkdirSync(join(root, "a", "b", "c"), { recursive: true });
  writeFileSync(join(root, "a", "b", "c", "file"), "");
  const [directory] = openPreopens(new Scope(), [{ guestPath: "/", hostPath: root, writable: true }]);
  await startRenaming([
    [join(root, "a", "b"), join(root, "x")],
    [join(root, "x"), join(root, "a", "b")],
  ]);
  for (let opens = 0; opens < 2000; opens += 1) codeOf(() => directory!.statAt({}, "a/b/../b/c/file"));
  expect(listOpenIn(root)).toEqual([root]);
  renameSync(join(root, "a"), join(root, "z"));
});
