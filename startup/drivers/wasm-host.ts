import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePorts } from "../../common/ports.ts";
import type { AppView, Runtime } from "../../node-runtime/runtime-api.ts";
import { startRuntime } from "../../node-runtime/start.ts";
import { awaitAnswer } from "../first-answer.ts";
import { readMetric } from "../runtime-metrics.ts";
import { findChildren, readCpuSeconds } from "../process-stats.ts";
import { COMPONENT } from "../program.ts";

/*
 * A node runtime of its own, with one cell and an empty cache, in which apps are started by writing their manifests.
 */

const HOST = "127.0.0.1";
const NAMESPACE = "startup";
const POLL_MS = 10;
const LIMIT_MS = 60_000;
const GRACE_MS = 1000;
const FIRST = "first";
/** Requests that it has answered before anything is measured: a node runtime is in use, as a container's engine is. */
const USED = 3000;

/** A node runtime whose folder of manifests is ours. */
export class WasmHost {
  readonly #runtime: Runtime;
  readonly #folder: string;
  /** Aborted when what is started need not be waited for any more. */
  readonly signal: AbortSignal;
  #artifactBytes = 0;

  private constructor(runtime: Runtime, folder: string, signal: AbortSignal) {
    this.#runtime = runtime;
    this.#folder = folder;
    this.signal = signal;
  }

  /** Starts a node runtime that has been in use. Where that fails, or the signal is aborted, nothing of it is left. */
  static async start(signal: AbortSignal): Promise<WasmHost> {
    const folder = mkdtempSync(join(tmpdir(), "wasmlet-startup-wasm-"));
    let host: WasmHost | undefined;
    try {
      host = new WasmHost(await startIn(folder), folder, signal);
      await host.#warmUp();
      return host;
    } catch (thrown) {
      await host?.stop();
      rmSync(folder, { recursive: true, force: true });
      throw thrown;
    }
  }

  /** Whatever is started next: the artifact is prepared, and the cell runs. */
  async #warmUp(): Promise<void> {
    const url = this.add(FIRST, COMPONENT, await this.freePort(), 1);
    await this.untilReady(FIRST);
    for (let count = 0; count < USED; count++) await awaitAnswer(url, this.signal);
    this.#artifactBytes = (await this.#metric("wasmlet_artifact_cache_bytes", "")) ?? 0;
  }

  async stop(): Promise<void> {
    await this.#runtime.stop(GRACE_MS);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Returns where a file for an artifact may be written. */
  fileFor(name: string): string {
    return join(this.#folder, `${name}.wasm`);
  }

  /** Returns a port for an app that is written next. */
  async freePort(): Promise<number> {
    const [port = 0] = await findFreePorts(HOST, 1);
    return port;
  }

  /** Writes an app's manifest: from then on it is started. Returns its URL. */
  add(name: string, file: string, port: number, idleSeconds: number): string {
    // JSON is YAML.
    const manifest = {
      apiVersion: "wasmlet.dev/v1alpha1",
      kind: "WasmApp",
      metadata: {
        name,
        namespace: NAMESPACE,
        annotations: { "wasmlet.dev/source-path": file, "wasmlet.dev/port": String(port) },
      },
      spec: {
        source: { oci: { image: `ghcr.io/wasmlet/startup/${name}:0.1.0` } },
        trigger: { http: {} },
        scale: { idleSeconds },
      },
    };
    writeFileSync(join(this.#folder, "apps", `${name}.yaml`), JSON.stringify(manifest));
    return `http://${HOST}:${port}/`;
  }

  /** Removes an app, and waits until it is gone. */
  async remove(name: string): Promise<void> {
    rmSync(join(this.#folder, "apps", `${name}.yaml`));
    // When it is to stop the runtime ends next, with all of its apps.
    if (this.signal.aborted) return;
    await this.#until(`${name} to be gone`, () => this.#find(name) === undefined);
  }

  async untilReady(name: string): Promise<void> {
    await this.#until(`${name} to be ready`, () => this.#find(name)?.state === "Ready");
  }

  /** Waits until an app has no instance: it is scaled to zero. */
  async untilIdle(name: string): Promise<void> {
    await this.#until(`${name} to be scaled to zero`, () => {
      const app = this.#find(name);
      return app?.state === "Ready" && app.instances === 0;
    });
  }

  /** Returns why an app will not start; undefined while it may. */
  failureOf(name: string): Error | undefined {
    const app = this.#find(name);
    if (app?.state !== "Failed" && app?.state !== "BackOff") return undefined;
    return new Error(`${name}: ${app.reason ?? app.state} ${app.message ?? ""}`);
  }

  /** Returns the seconds of phases of an app's latest start, as the runtime tells them. */
  phasesOf(name: string): Readonly<Record<string, number>> {
    return this.#find(name)?.startPhases ?? {};
  }

  /** Returns how many requests found the app scaled to zero, as told so far. */
  async coldRequests(name: string): Promise<number> {
    return (await this.metricOf(name, "wasmlet_requests_total", 'start="cold"')) ?? 0;
  }

  /** Waits until the runtime tells of one more request that found the app scaled to zero: cells report now and then. */
  async untilWoken(name: string, before: number): Promise<void> {
    await this.#until(`${name} to have been woken`, async () => (await this.coldRequests(name)) > before);
  }

  /** Returns the CPU time that the cell has used so far; null where the system does not tell. */
  async cpuSeconds(): Promise<number | null> {
    return readCpuSeconds(findChildren("cell/main.ts"));
  }

  /** Returns the bytes that the component takes on disk, as it came and as prepared. */
  get artifactBytes(): number {
    return this.#artifactBytes;
  }

  /** Returns the value of an app's metric, added up over its series with these labels; null where there is none. */
  metricOf(name: string, metric: string, labels = ""): Promise<number | null> {
    return this.#metric(metric, `app="${name}"`, labels);
  }

  #metric(metric: string, ...labels: string[]): Promise<number | null> {
    return readMetric(this.#runtime.managementUrl, metric, ...labels);
  }

  #find(name: string): AppView | undefined {
    return this.#runtime.apps().find((app) => app.name === name);
  }

  async #until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + LIMIT_MS;
    while (!(await isSo())) {
      this.signal.throwIfAborted();
      if (performance.now() > deadlineMs) throw new Error(`expected ${what} within ${LIMIT_MS / 1000} s`);
      await delay(POLL_MS);
    }
  }
}

function startIn(folder: string): Promise<Runtime> {
  mkdirSync(join(folder, "apps"));
  return startRuntime({
    folder: join(folder, "apps"),
    host: HOST,
    firstPort: 0,
    managementHost: HOST,
    managementPort: 0,
    cacheDirectory: join(folder, "cache"),
    cells: 1,
    log: { info: ignore, warn: ignore, error: ignore, guest: ignore },
  });
}

function ignore(): void {}
