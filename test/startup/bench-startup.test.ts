import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Comparison } from "../../startup/measure.ts";
import { TECHNOLOGY_NAMES } from "../../startup/technologies.ts";
import { binFolder } from "../cluster/binaries.ts";
import { readTestEnvironment } from "../cluster/environment.ts";
import { makeTemporaryFolder } from "../harness.ts";
import { spawnWasmlet } from "../served-runtime.ts";

/* `wasmlet bench startup`: real starts of everything that this machine can start. */

const { isCi, cacheFolder } = readTestEnvironment();
const KERNEL_ROOT = join(cacheFolder, "startup-kernel");
const VARIABLES = { PATH: [process.env["PATH"], binFolder()].join(delimiter) };
const SAMPLES = 3;
/** Three boots, one of them with KVM that may hang, on a busy machine. */
const DEBIAN_LIMIT_MS = 240_000;
/** A second, and time for the program to end on a busy machine. */
const STOP_LIMIT_MS = 3000;
/** What takes a quarter of a minute to start has a test of its own. */
const QUICK = TECHNOLOGY_NAMES.filter((name) => name !== "debian-vm");
const WASM = ["wasm-wake", "wasm-new", "wasm-artifact"];

const temporary = makeTemporaryFolder();
afterAll(() => temporary.remove());

function bench(...args: string[]): ReturnType<typeof spawnWasmlet> {
  const all = ["bench", "startup", "--kernel-root", KERNEL_ROOT, ...args];
  return spawnWasmlet(all, temporary.path, {}, VARIABLES);
}

/** What starts leave on the machine if nobody removes it: folders, programs, emulators, containerd's mounts. */
function traces(): string[] {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith("wasmlet-startup-"));
  const commands = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(commandLineOf);
  // The probe's image is the operator's option, wherever one runs.
  const running = commands.filter((command) => /wasmlet-startup-(?!probe)|^\/program|startup-debian/.test(command));
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes("wasmlet-startup-"));
  return [...folders, ...running, ...mounts];
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

describe.skipIf(process.platform !== "linux")("wasmlet bench startup", () => {
  let comparison: Comparison;

  beforeAll(async () => {
    const child = bench("--technologies", QUICK.join(","), "--samples", String(SAMPLES), "-o", "json");
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    expect(stderr).not.toContain("error");
    comparison = JSON.parse(stdout) as Comparison;
  }, 240_000);

  test("starts everything, and says why where something is missing", () => {
    const names = comparison.contenders.map(({ name }) => name);
    const missing = comparison.missing.map(({ contender, why }) => `${contender}: ${why}`);
    process.stderr.write(missing.map((line) => `not compared here: ${line}\n`).join(""));
    expect(names).toEqual(expect.arrayContaining([...WASM, "process"]));
    expect(names.length + missing.length).toBe(QUICK.length);
    // Those of a cluster have a test of their own.
    const expected = ["app-wake", "wasm-app", "pod"].map((name) => `${name}: no cluster was named by --kubeconfig`);
    if (isCi) expect(missing).toEqual(expected);
  });

  test("keeps every sample, in turns", () => {
    const names = comparison.contenders.map(({ name }) => name);
    const order = comparison.samples.map(({ round, contender }) => `${round} ${contender}`);
    const rounds = Array.from({ length: SAMPLES }, (_, index) => index + 1);
    expect(order).toEqual(rounds.flatMap((round) => names.map((name) => `${round} ${name}`)));
    for (const { seconds, phases, probeSeconds } of comparison.samples) {
      const sum = Object.values(phases).reduce((total, phase) => total + phase, 0);
      expect(seconds).toBeCloseTo(sum, 9);
      expect(Math.min(seconds, probeSeconds, ...Object.values(phases))).toBeGreaterThanOrEqual(0);
    }
  });

  test("fills sizes and memory for all", () => {
    for (const { pullBytes, diskBytes } of comparison.contenders)
      expect(Math.min(pullBytes ?? 0, diskBytes ?? 0)).toBeGreaterThan(0);
    for (const { memoryBytes } of comparison.samples) expect(memoryBytes).toBeGreaterThan(0);
  });

  test("computes the same everywhere, and shows what each program reaches", () => {
    expect(comparison.speed.map(({ contender }) => contender)).toEqual(["process", "wasm-new"]);
    for (const { warm } of comparison.speed) expect(Math.min(...warm)).toBeGreaterThan(0);
    for (const { contender, findings } of comparison.reach) {
      const reached = Object.entries(findings).filter(([, result]) => result === "yes" || Number(result) > 0);
      if (WASM.includes(contender)) expect(reached).toEqual([]);
      else expect(reached.map(([what]) => what)).toContain("starts a process");
    }
  });

  test("leaves nothing behind", () => {
    expect(traces()).toEqual([]);
  });
});

test.skipIf(process.platform !== "linux").each([
  ["the node runtime gets ready", "wasm-wake", "getting wasm-wake ready"],
  ["a machine gets ready", "microvm", "getting microvm ready"],
  ["a machine boots", "microvm", "round 1 of"],
  ["an app goes to sleep", "wasm-wake", "round 1 of"],
  ["containers are started", "crun,crun-node,containerd", "round 1 of"],
  ["speed is compared", "process,wasm-new", "comparing speed"],
])("wasmlet bench startup: Ctrl-C while %s ends it soon, and what it started", async (_, technologies, step) => {
  const samples = step.startsWith("round") ? "1000" : "1";
  const child = bench("--technologies", technologies, "--samples", samples);
  const exited = once(child, "exit") as Promise<[number]>;
  const said = text(child.stdout!);
  if (!(await says(child, step))) {
    // It said why: nothing of these can be started here.
    expect((await exited)[0]).toBe(1);
    return;
  }
  const stoppedMs = performance.now();
  child.kill("SIGINT");
  const [code] = await exited;
  expect(code).toBe(130);
  expect(performance.now() - stoppedMs).toBeLessThan(STOP_LIMIT_MS);
  expect(await said).toBe("");
  expect(traces()).toEqual([]);
});

test.skipIf(process.platform !== "linux")(
  "wasmlet bench startup: a virtual machine with Debian boots where it is built, and leaves nothing behind",
  async ({ skip }) => {
    const options = ["--samples", "1", "--starts-only", "--cache-dir", cacheFolder, "-o", "json"];
    const child = bench("--technologies", "debian-vm", ...options);
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    skip(!isCi && stderr.includes("STARTUP_UNAVAILABLE"), stderr);
    const { contenders, samples } = JSON.parse(stdout) as Comparison;
    expect(contenders.map(({ name, technology }) => `${name} ${technology}`)).toEqual(["debian-vm vm"]);
    expect(samples.map(({ phases }) => Object.keys(phases))).toEqual([["kernel", "init", "response"]]);
    expect(Math.min(...Object.values(samples[0]!.phases))).toBeGreaterThan(0);
    expect(Math.min(contenders[0]!.diskBytes ?? 0, contenders[0]!.pullBytes ?? 0)).toBeGreaterThan(0);
    expect(traces()).toEqual([]);
  },
  DEBIAN_LIMIT_MS,
);

/** Waits until a program says something on standard error; false where it ends before. */
async function says(child: ReturnType<typeof bench>, expected: string): Promise<boolean> {
  let progress = "";
  for await (const chunk of child.stderr!) {
    progress += String(chunk);
    if (progress.includes(expected)) return true;
  }
  return false;
}

test("wasmlet bench startup: where nothing can be started, that is an error that says why", async () => {
  const child = bench("--technologies", "microvm", "--kernel-root", "/nowhere", "-o", "json");
  const stderr = await text(child.stderr!);
  const error = JSON.parse(stderr.slice(stderr.indexOf("{"))) as { error: { code: string; actual: string } };
  expect(error.error.code).toBe("STARTUP_UNAVAILABLE");
  expect(error.error.actual).toContain("microvm: ");
  expect(existsSync("/nowhere")).toBe(false);
});
