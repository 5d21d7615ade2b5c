import type { Comparison } from "./measure.ts";
import type { StartSample } from "./turns.ts";

/** Returns a comparison of two contenders, for tests of what is told of one. */
export function smallComparison(): Comparison {
  const shared = { cache: "warm", accelerator: "none", pullBytes: 1024, diskBytes: 2048 } as const;
  return {
    startedAt: "2026-01-02T03:04:05.000Z",
    machine: { cpus: 2, cpu: "a CPU", platform: "linux x64", node: "26.0.0" },
    contenders: [
      { name: "wasm-wake", technology: "wasm", runtime: "v8", what: "a request", ...shared },
      { name: "crun", technology: "container", runtime: "crun", what: "a container", ...shared },
    ],
    samples: [1, 2, 3].flatMap((round) => [
      sample("wasm-wake", round, 0.001 * round),
      sample("crun", round, 0.02 * round ** 2),
    ]),
    missing: [{ contender: "microvm", why: "there is no kernel" }],
    speed: [
      { contender: "process", firstSecond: 0.01, warm: [0.01, 0.01] },
      { contender: "wasm-new", firstSecond: 0.02, warm: [0.011, 0.012] },
    ],
    reach: [{ contender: "crun", findings: { "lists /": "yes" } }],
  };
}

function sample(contender: string, round: number, seconds: number): StartSample {
  return {
    contender,
    round,
    seconds,
    phases: { run: seconds * 0.75, response: seconds * 0.25 },
    memoryBytes: 1_048_576 * round,
    probeSeconds: 0.0002,
    loadAverage: 0.5,
  };
}
