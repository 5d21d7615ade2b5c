import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeErr } from "../cli/output.ts";
import type { AppView, Runtime } from "../node-runtime/runtime-api.ts";
import { startRuntime } from "../node-runtime/start.ts";

/** The repository. */
export const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));

/** Prepared artifacts of benchmarks, kept from run to run. */
export const CACHE = join(REPOSITORY, ".cache", "bench");

const HOST = "127.0.0.1";
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
const GRACE_MS = 2000;

/** Returns the component of an example. */
export function guestFile(name: string): string {
  return join(REPOSITORY, "examples", name, `${name}.wasm`);
}

/** Returns the component of a guest of the tests. */
export function testGuestFile(name: string): string {
  return join(REPOSITORY, "test", "guests", `${name}.wasm`);
}

/** One app to measure: an artifact and how it is run. */
export interface BenchApp {
  name: string;
  file: string;
  reuse: "Request" | "Instance";
  idleSeconds: number;
  requestTimeoutSeconds?: number;
}

/** A node runtime with one cell, all of whose apps are ready. */
export interface RuntimeUnderTest {
  readonly cellPids: readonly number[];
  /** How many cells stand by, ready. */
  countSpares(): Promise<number>;
  urlOf(name: string): string;
  instances(): number;
  /** Requests that found their app scaled to zero, by the runtime's own count. */
  countColdRequests(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Serves the apps with one cell; throws when one fails or takes longer than a minute. Warnings go to standard error, but for
 * those that are expected.
 */
export async function startRuntimeUnderTest(
  apps: readonly BenchApp[],
  expected?: RegExp,
  spareCells = 0,
): Promise<RuntimeUnderTest> {
  const complain = (message: string): void => {
    if (expected?.test(message) !== true) writeErr(`${message}\n`);
  };
  const folder = join(CACHE, "manifests", String(process.pid));
  mkdirSync(folder, { recursive: true });
  for (const app of apps) writeFileSync(join(folder, `${app.name}.yaml`), manifestOf(app));
  const runtime = await startRuntime({
    folder,
    host: HOST,
    firstPort: 0,
    managementHost: HOST,
    managementPort: 0,
    cacheDirectory: CACHE,
    cells: 1,
    spareCells,
    log: { info: () => {}, warn: complain, error: complain, guest: () => {} },
  });
  const stop = async (): Promise<void> => {
    await runtime.stop(GRACE_MS);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await awaitAllReady(runtime, apps.length);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    get cellPids() {
      return runtime.childPids().cells;
    },
    countSpares: () => sumOf(runtime.managementUrl, /^wasmlet_spare_cells (\d+)$/gm),
    urlOf: (name) => urlOf(runtime.apps(), name),
    instances: () => runtime.apps().reduce((sum, { instances }) => sum + instances, 0),
    countColdRequests: () => sumOf(runtime.managementUrl, /^wasmlet_requests_total\{[^}]*start="cold"[^}]*\} (\d+)$/gm),
    stop,
  };
}

function manifestOf({ name, file, reuse, idleSeconds, requestTimeoutSeconds }: BenchApp): string {
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: "wasmlet.dev/v1alpha1",
    kind: "WasmApp",
    metadata: {
      name,
      namespace: "bench",
      annotations: { "wasmlet.dev/source-path": file },
    },
    spec: {
      source: { oci: { image: `ghcr.io/wasmlet/bench/${name}:0.1.0` } },
      trigger: { http: {} },
      isolation: { reuse },
      scale: { idleSeconds },
      ...(requestTimeoutSeconds !== undefined && { limits: { requestTimeoutSeconds } }),
    },
  });
}

async function awaitAllReady(runtime: Runtime, expected: number): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const apps = runtime.apps();
    const failed = apps.find(({ state }) => state === "Failed");
    if (failed !== undefined) throw new Error(`${failed.name} failed: ${failed.reason} ${failed.message}`);
    const [problem] = runtime.problems();
    if (problem !== undefined) throw problem;
    if (apps.filter(({ state }) => state === "Ready" || state === "Running").length === expected) return;
    if (performance.now() > deadline) throw new Error(`not ready after ${READY_TIMEOUT_MS / 1000} s`);
    await delay(POLL_MS);
  }
}

function urlOf(apps: readonly AppView[], name: string): string {
  const url = apps.find((app) => app.name === name)?.urls[0];
  if (url === undefined) throw new Error(`no URL of ${name}`);
  return url;
}

/** Adds up what a pattern finds in the metrics. */
async function sumOf(managementUrl: string, samples: RegExp): Promise<number> {
  const response = await fetch(new URL("/metrics", managementUrl));
  return [...(await response.text()).matchAll(samples)].reduce((sum, [, count]) => sum + Number(count), 0);
}
