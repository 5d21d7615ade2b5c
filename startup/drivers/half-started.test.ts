import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { findChildren } from "../process-stats.ts";
import { Probe } from "../probe.ts";
import { openProcess } from "./process.ts";
import { WasmHost } from "./wasm-host.ts";

/* Starts that end half-way: nothing of them is left. */

const aborted = AbortSignal.abort();

function foldersOf(prefix: string): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
}

test.skipIf(process.platform !== "linux")("process: a start that is not waited for leaves no process", async () => {
  const probe = await Probe.start();
  const driver = await openProcess(aborted);
  onTestFinished(async () => {
    await driver[Symbol.asyncDispose]();
    await probe[Symbol.asyncDispose]();
  });
  await expect(driver.start(probe)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  expect(findChildren("wasmlet-startup-process-")).toEqual([]);
});

test("wasm host: a start that is not waited for leaves no runtime and no folder", async () => {
  const before = foldersOf("wasmlet-startup-wasm-");
  await expect(WasmHost.start(aborted)).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  expect(foldersOf("wasmlet-startup-wasm-")).toEqual(before);
  expect(findChildren("cell/main.ts")).toEqual([]);
});
