import { setTimeout as delay } from "node:timers/promises";
import type { Driver, Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { readMetric } from "../runtime-metrics.ts";
import type { KubeSession } from "./kube-session.ts";
import {
  memoryOf,
  ownSource,
  requireWasmlet,
  serveApp,
  sizesOf,
  type ServedApp,
  type WasmProgram,
} from "./wasm-app.ts";

/*
 * A WasmApp of the cluster that is scaled to zero, and asked: what the node's own runtime needs to wake it. That it was asleep
 * is read from the runtime's metrics before, and that this request woke it, after.
 */

const PROGRAM = "wake-program";
/** Apps that take turns: one that was asked just now is not scaled to zero yet. */
const SLEEPERS = 3;
const IDLE_SECONDS = 1;
const POLL_MS = 50;
const LIMIT_MS = 60_000;

/** Opens apps that are woken on a cluster that has Wasmlet. */
export async function openAppWake(session: KubeSession, program: WasmProgram = {}): Promise<Driver> {
  await requireWasmlet(session);
  const source = program.source ?? (await ownSource(session, PROGRAM));
  const sleepers: ServedApp[] = [];
  for (let index = 0; index < SLEEPERS; index++) {
    const app = await serveApp(session, `sleeper-${index}`, { ...program, source }, undefined, IDLE_SECONDS);
    await awaitAnswer(app.url, session.signal);
    sleepers.push(app);
  }
  let count = 0;
  return {
    contender: {
      name: "app-wake",
      technology: "wasm",
      runtime: "v8",
      cache: "warm",
      accelerator: "none",
      what: "a request to a WasmApp of the node that is scaled to zero",
    },
    sizes: async () => sizesOf(program),
    start: (probe) => wake(probe, session, sleepers[count++ % SLEEPERS]!),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function wake(probe: Probe, session: KubeSession, app: ServedApp): Promise<Running> {
  const labels = [`namespace="${session.namespace}"`, `app="${app.name}"`];
  const read = async (metric: string, ...more: string[]): Promise<number> =>
    (await readMetric(app.managementUrl, metric, ...labels, ...more)) ?? 0;
  const coldRequests = (): Promise<number> => read("wasmlet_requests_total", 'start="cold"');
  await until(`${app.name} to be scaled to zero`, async () => (await read("wasmlet_instances")) === 0);
  const before = await coldRequests();
  const watch = await probe.begin();
  const { connectedMs, answeredMs } = await awaitAnswer(app.url, session.signal);
  watch.mark("connect", connectedMs);
  watch.mark("response", answeredMs);
  await until(`${app.name} to have been woken`, async () => (await coldRequests()) > before);
  const memoryBytes = (): Promise<number | null> => memoryOf(app, session.namespace);
  return { url: app.url, phases: watch.phases, memoryBytes, cpuSeconds: async () => null, stop: async () => {} };
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`expected ${what} within ${LIMIT_MS / 1000} s`);
    await delay(POLL_MS);
  }
}
