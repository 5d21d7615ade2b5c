import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { WASMTIME_SERVE, WASMTIME_SERVE_REUSE } from "./wasmtime-serve.ts";

const folder = mkdtempSync(join(tmpdir(), "wasmlet-wasmtime-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** A program in wasmtime's place: says its version, and serves as `code` has it with `args`. */
function useWasmtime(code: string): void {
  const file = join(folder, "wasmtime");
  writeFileSync(
    file,
    `#!${process.execPath}
const args = process.argv.slice(2);
if (args[0] === "--version") console.log("wasmtime 48.0.8");
else { ${code} }
`,
  );
  chmodSync(file, 0o755);
  vi.stubEnv("WASMTIME", file);
}

const SERVES = `require("node:http").createServer((_, response) => response.end(args.join(" ")))
  .listen(Number(/:(\\d+)/.exec(args[1])[1]), "127.0.0.1")`;

test.each([
  [WASMTIME_SERVE, /^serve --addr=\S+ -Scli hello\.wasm$/],
  [WASMTIME_SERVE_REUSE, /^serve --addr=\S+ -Scli --max-instance-reuse-count=1000 hello\.wasm$/],
])("wasmtime: $name serves the component and says its version", async (peer, args) => {
  useWasmtime(SERVES);
  const running = await peer.start("hello.wasm");
  if ("missing" in running) throw new Error(running.missing);
  try {
    expect(running.note).toBe("wasmtime 48.0.8");
    expect(await (await fetch(running.url)).text()).toMatch(args);
  } finally {
    await running.stop();
  }
});

test("wasmtime: a build without its default features is no peer, and says why", async () => {
  useWasmtime('console.error("Error: support for pooling-allocator disabled at compile time"); process.exit(1);');
  expect(await WASMTIME_SERVE.start("hello.wasm")).toEqual({ missing: expect.stringContaining("not as shipped") });
});

test("wasmtime: another failure is not taken for a reduced build", async () => {
  useWasmtime('console.error("Error: failed to parse hello.wasm"); process.exit(1);');
  await expect(WASMTIME_SERVE.start("hello.wasm")).rejects.toThrow(/failed to parse hello\.wasm/);
});

test("wasmtime: where there is none, the peer says how to get it", async () => {
  vi.stubEnv("WASMTIME", join(folder, "missing"));
  expect(await WASMTIME_SERVE.start("hello.wasm")).toEqual({ missing: expect.stringContaining("cargo install") });
});
