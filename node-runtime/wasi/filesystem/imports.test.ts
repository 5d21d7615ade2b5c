import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HostClosedError } from "../errors.ts";
import { Scope } from "../scope.ts";
import type { Descriptor } from "./descriptor.ts";
import { createFilesystemImports } from "./imports.ts";
import { codeOf, expectCode, listOpenIn, makeFolder, openFile, openPreopen, openPreopens } from "./test-preopen.ts";

test("preopens: are given with their guest paths, in order", () => {
  const folder = makeFolder();
  const preopens = ["/data", "/etc/app"].map((guestPath) => ({ guestPath, hostPath: folder, writable: false }));
  const imports = createFilesystemImports(new Scope(), preopens)["wasi:filesystem/preopens"];
  const { getDirectories } = imports as { getDirectories: () => Array<[unknown, string]> };
  expect(getDirectories().map(([, guestPath]) => guestPath)).toEqual(["/data", "/etc/app"]);
});

test("preopens: offer the classes that they construct", () => {
  const folder = makeFolder();
  const imports = createFilesystemImports(new Scope(), [{ guestPath: "/", hostPath: folder, writable: true }]);
  const { Descriptor } = imports["wasi:filesystem/types"] as { Descriptor: new () => unknown };
  const { getDirectories } = imports["wasi:filesystem/preopens"] as { getDirectories: () => Array<[object, string]> };
  expect(getDirectories()[0]![0]).toBeInstanceOf(Descriptor);
});

test("preopens: open nothing before the guest uses them", () => {
  const folder = makeFolder();
  const root = openPreopen(folder);
  expect(root.getType()).toBe("directory");
  expect(listOpenIn(folder)).toEqual([]);
  root.stat();
  expect(listOpenIn(folder)).toEqual([folder]);
});

test("preopens: a host directory that is missing, or is a file, is told at its first use", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  expectCode(() => openPreopen(join(folder, "missing")).stat(), "no-entry");
  expectCode(() => openPreopen(join(folder, "file")).stat(), "not-directory");
});

test("contract: everything a guest leaves open is closed with its scope", async () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "sub"));
  const scope = new Scope();
  const root = openPreopen(folder, true, scope);
  const file = openFile(root, "file", { create: true });
  root.openAt({}, "sub", {}, { read: true });
  root.readDirectory();
  file.readViaStream(0n);
  file.appendViaStream();
  expect(listOpenIn(folder).length).toBeGreaterThanOrEqual(5);
  scope.close();
  expect(listOpenIn(folder)).toEqual([]);
});

test("contract: what a guest drops is closed at once", () => {
  const folder = makeFolder();
  const root = openPreopen(folder);
  root.stat();
  const resources = [openFile(root, "file", { create: true }), root.openAt({}, ".", {}, {}), root.readDirectory()];
  expect(listOpenIn(folder).length).toBeGreaterThan(resources.length);
  for (const resource of resources) {
    resource[Symbol.dispose]();
    resource[Symbol.dispose]();
  }
  expect(listOpenIn(folder)).toEqual([folder]);
});

test("contract: failing calls leave nothing open", () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "file"), "");
  const root = openPreopen(folder);
  root.stat();
  const calls = [
    () => root.openAt({}, "sub", {}, { write: true }),
    () => root.openAt({}, "file", { directory: true }, {}),
    () => root.openAt({}, "file", { create: true, exclusive: true }, {}),
    () => root.openAt({}, "missing", {}, {}),
    () => root.statAt({}, "file/x"),
    () => root.renameAt("sub/missing", root, "sub/other"),
    () => root.linkAt({ symlinkFollow: true }, "sub", root, "sub2"),
    () => root.setTimesAt({}, "missing", { tag: "now" }, { tag: "now" }),
    () => openFile(root, "file").readDirectory(),
  ];
  expect(calls.map(codeOf)).not.toContain("done");
  expect(listOpenIn(folder).filter((path) => path !== join(folder, "file"))).toEqual([folder]);
});

test("contract: a guest may hold only so many descriptors, and goes on when it has dropped some", () => {
  const folder = makeFolder();
  const root = openPreopen(folder, true, new Scope(8));
  const opened: Descriptor[] = [];
  let code: unknown = "done";
  while (code === "done" && opened.length < 20)
    code = codeOf(() => opened.push(openFile(root, "file", { create: true })));
  expect(code).toBe("insufficient-memory");
  expect(opened.length).toBeLessThan(8);
  expectCode(() => root.readDirectory(), "insufficient-memory");
  expectCode(() => opened[0]!.readViaStream(0n), "insufficient-memory");
  opened.pop()![Symbol.dispose]();
  expect(codeOf(() => openFile(root, "file"))).toBe("done");
});

test("preopens: a guest that goes on after its scope closed gets nothing", () => {
  const folder = makeFolder();
  const scope = new Scope();
  const [used, unused] = openPreopens(
    scope,
    ["/a", "/b"].map((guestPath) => ({ guestPath, hostPath: folder, writable: true })),
  );
  used!.stat();
  scope.close();
  expectCode(() => used!.statAt({}, "."), "bad-descriptor");
  expect(() => unused!.stat()).toThrow(HostClosedError);
  expect(listOpenIn(folder)).toEqual([]);
});

test("preopens: an object has one identity in all of a guest's preopens, and another for another guest", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  writeFileSync(join(folder, "other"), "");
  const preopens = ["/a", "/b"].map((guestPath) => ({ guestPath, hostPath: folder, writable: true }));
  const [a, b] = openPreopens(new Scope(), preopens);
  const stranger = openPreopen(folder);
  expect(a!.metadataHashAt({}, "file")).toEqual(b!.metadataHashAt({}, "file"));
  expect(a!.metadataHashAt({}, "file")).toEqual(openFile(a!, "file").metadataHash());
  expect(a!.metadataHashAt({}, "file")).not.toEqual(a!.metadataHashAt({}, "other"));
  expect(a!.metadataHashAt({}, "file")).not.toEqual(stranger.metadataHashAt({}, "file"));
  expect(openFile(a!, "file").isSameObject(openFile(b!, "file"))).toBe(true);
  expect(openFile(a!, "file").isSameObject(openFile(b!, "other"))).toBe(false);
});

test("preopens: names and links do not lead from one to the other", () => {
  const folder = makeFolder();
  const preopens = ["/a", "/b"].map((guestPath) => ({ guestPath, hostPath: folder, writable: true }));
  const [a, b] = openPreopens(new Scope(), preopens);
  openFile(a!, "file", { create: true });
  expectCode(() => a!.renameAt("file", b!, "moved"), "cross-device");
  expectCode(() => a!.linkAt({}, "file", b!, "linked"), "cross-device");
});
