import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { cpuSecondsBetween, readCpu } from "./process-stats.ts";

const BURNT_SECONDS = 0.2;

/** Waits for a line, computes in a thread of its own that then ends, and says so. */
const PROGRAM = `
  const { Worker } = require("node:worker_threads");
  const burn = "while (process.threadCpuUsage().user < ${BURNT_SECONDS * 1e6});";
  process.stdin.once("data", () => new Worker(burn, { eval: true }).once("exit", () => console.log("ended")));
`;

test.runIf(process.platform === "linux")("cpu: a thread that began and ended in between counts", async () => {
  const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(child, "spawn");
    const before = readCpu([child.pid!]);
    child.stdin.write("go\n");
    await once(child.stdout, "data");
    expect(cpuSecondsBetween(before, readCpu([child.pid!]))).toBeGreaterThan(0.9 * BURNT_SECONDS);
  } finally {
    child.kill("SIGKILL");
  }
});

const reading = (ticks: number, ...nanos: number[]): ReturnType<typeof readCpu> => [
  { ticks, threads: new Map(nanos.map((used, thread) => [String(thread), used])) },
];

test.each([
  ["agree with the ticks count by the nanosecond", reading(11, 6e8 + 1234, 5e8), 0.1 + 1234e-9],
  ["lack one that ended leave the count to the ticks", reading(51, 6e8), 0.5],
])("cpu: threads that %s", (_, after, expected) => {
  expect(cpuSecondsBetween(reading(1, 5e8, 5e8), after)).toBeCloseTo(expected, 9);
});

test("cpu: of no process, and of one that is not there, is unknown", () => {
  for (const pids of [[], [2 ** 22 + 1]]) expect(cpuSecondsBetween(readCpu(pids), readCpu(pids))).toBeNull();
});
