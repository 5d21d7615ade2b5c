import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sizesOf, writeBundle } from "./bundle.ts";
import { findNodeBundle } from "./node-bundle.ts";

let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "bundle-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("bundle: has its files where they belong, executable, and starts its program", async () => {
  const source = join(folder, "source");
  writeFileSync(source, "x".repeat(10_000));
  const content = { files: { "/usr/bin/program": source, "/a": source }, args: ["/usr/bin/program", "now"] };
  writeBundle(folder, content, 8123);
  const copy = join(folder, "rootfs/usr/bin/program");
  expect(readFileSync(copy, "utf8")).toBe(readFileSync(source, "utf8"));
  expect(statSync(copy).mode & 0o777).toBe(0o755);
  const { process: started } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  expect(started).toMatchObject({ args: content.args, env: ["PORT=8123"] });
  const { pullBytes, diskBytes } = await sizesOf(content);
  expect(diskBytes).toBe(20_000);
  expect(pullBytes).toBeLessThan(200);
});

test.skipIf(process.platform !== "linux")("bundle of Node.js: has all that it loads, and the program", async () => {
  const { files, args } = await findNodeBundle();
  const paths = Object.keys(files);
  expect(files[args[0]!]).toBe(process.execPath);
  expect(paths).toContain(args[1]);
  expect(paths.filter((path) => /\/(libc\.so|libc\.musl|ld-(linux|musl))/.test(path))).not.toEqual([]);
  expect(paths.filter((path) => path.includes(".test."))).toEqual([]);
});
