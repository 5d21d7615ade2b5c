import { readFileSync, statSync, writeFileSync } from "node:fs";
import { type Contender, type Driver, type Running } from "../driver.ts";
import { awaitAnswer } from "../first-answer.ts";
import type { Probe } from "../probe.ts";
import { COMPONENT } from "../program.ts";
import type { WasmHost } from "./wasm-host.ts";

/*
 * The component in the node runtime: an app that is scaled to zero and asked again, a new app whose artifact the node has, and
 * one whose artifact the node has never seen.
 */

/** Apps that take turns in being woken: one that was asked just now is not scaled to zero yet. */
const SLEEPERS = ["sleeper-0", "sleeper-1", "sleeper-2", "sleeper-3"];
const IDLE_SECONDS = 1;
/** What the artifact itself needs before it can run. */
const ARTIFACT_PHASES: ReadonlySet<string> = new Set(["fetch", "verify", "prepare", "compile"]);

export type WasmStart = "wasm-wake" | "wasm-new" | "wasm-artifact";

const WHAT: Readonly<Record<WasmStart, Pick<Contender, "cache" | "what">>> = {
  "wasm-wake": { cache: "warm", what: "a request to an app that is scaled to zero" },
  "wasm-new": { cache: "warm", what: "a new app, from its manifest on; the node has had the artifact before" },
  "wasm-artifact": { cache: "cold", what: "a new app with a new artifact, which is verified and prepared" },
};

/** Opens one way of starting the component in a node runtime, which others may use too. */
export async function openWasm(name: WasmStart, host: WasmHost): Promise<Driver> {
  let count = 0;
  const sleepers = new Map<string, string>();
  if (name === "wasm-wake") {
    for (const sleeper of SLEEPERS) sleepers.set(sleeper, await addReady(host, sleeper));
  }
  const start = async (probe: Probe): Promise<Running> => {
    const number = count++;
    if (name === "wasm-new") return startNew(probe, host, `new-${number}`, COMPONENT);
    if (name === "wasm-artifact") return startNew(probe, host, `artifact-${number}`, writeUnique(host, number));
    const [sleeper, url] = [...sleepers][number % SLEEPERS.length]!;
    return wake(probe, host, sleeper, url);
  };
  return {
    contender: { name, technology: "wasm", runtime: "v8", accelerator: "none", ...WHAT[name] },
    sizes: async () => ({ pullBytes: statSync(COMPONENT).size, diskBytes: host.artifactBytes }),
    start,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function addReady(host: WasmHost, name: string): Promise<string> {
  const url = host.add(name, COMPONENT, await host.freePort(), IDLE_SECONDS);
  await host.untilReady(name);
  return url;
}

/** One request to an app that has no instance, over a connection that it opens. */
async function wake(probe: Probe, host: WasmHost, name: string, url: string): Promise<Running> {
  await host.untilIdle(name);
  const coldBefore = await host.coldRequests(name);
  const watch = await probe.begin();
  const { connectedMs, answeredMs } = await awaitAnswer(url, host.signal);
  watch.mark("connect", connectedMs);
  watch.mark("response", answeredMs);
  await host.untilWoken(name, coldBefore);
  const { instantiate = 0 } = host.phasesOf(name);
  const phases = split(watch.phases, "response", { instantiate });
  return { url, phases, ...statsOf(host, name), stop: async () => {} };
}

/** A manifest that is written, until its app answers. */
async function startNew(probe: Probe, host: WasmHost, name: string, file: string): Promise<Running> {
  const port = await host.freePort();
  const watch = await probe.begin();
  const url = host.add(name, file, port, IDLE_SECONDS);
  const { connectedMs, answeredMs } = await awaitAnswer(url, host.signal, () => host.failureOf(name));
  watch.mark("place", connectedMs);
  watch.mark("response", answeredMs);
  const told = Object.entries(host.phasesOf(name)).filter(([phase]) => ARTIFACT_PHASES.has(phase));
  const phases = split(watch.phases, "place", Object.fromEntries(told));
  return { url, phases, ...statsOf(host, name), stop: () => host.remove(name) };
}

/** Takes what the runtime tells of out of a phase that was measured around it, and puts it in front. */
function split(phases: Record<string, number>, phase: string, parts: Record<string, number>): Record<string, number> {
  const sum = Object.values(parts).reduce((total, seconds) => total + seconds, 0);
  const divided: Record<string, number> = {};
  for (const [name, seconds] of Object.entries(phases)) {
    if (name === phase) Object.assign(divided, parts);
    divided[name] = name === phase ? Math.max(0, seconds - sum) : seconds;
  }
  return divided;
}

function statsOf(host: WasmHost, name: string): Pick<Running, "memoryBytes" | "cpuSeconds"> {
  return {
    memoryBytes: () => host.metricOf(name, "wasmlet_app_memory_bytes"),
    cpuSeconds: () => host.cpuSeconds(),
  };
}

/** Writes the component with a section that says nothing, so that it is another artifact. */
function writeUnique(host: WasmHost, number: number): string {
  const text = Buffer.from(`\u0007startup${number}-${process.pid}`);
  const file = host.fileFor(`artifact-${number}`);
  // A custom section: id 0, its size, its name's length and name, then anything.
  writeFileSync(file, Buffer.concat([readFileSync(COMPONENT), Buffer.from([0, text.length]), text]));
  return file;
}
