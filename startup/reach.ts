import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Driver } from "./driver.ts";
import type { Probe } from "./probe.ts";

const TIMEOUT_MS = 10_000;

/** What one contender's program could do without being allowed anything: what it tried, and what came of it. */
export interface Reach {
  contender: string;
  findings: Record<string, string>;
}

/** Starts each contender once and lets its program try what a program should not be able to. */
export async function compareReach(drivers: readonly Driver[], probe: Probe): Promise<Reach[]> {
  const listener = createServer((socket) => socket.destroy());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  try {
    const reached: Reach[] = [];
    for (const driver of drivers) {
      const running = await driver.start(probe);
      try {
        const response = await fetch(new URL(`/reach?port=${port}`, running.url), {
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        reached.push({ contender: driver.contender.name, findings: parse(await response.text()) });
      } finally {
        await running.stop();
      }
    }
    return reached;
  } finally {
    listener.close();
  }
}

function parse(report: string): Record<string, string> {
  const pairs = report
    .trim()
    .split("\n")
    .map((line) => line.split("="));
  return Object.fromEntries(pairs.map(([what = "", result = ""]) => [what, result]));
}
