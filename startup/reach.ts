import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Attempt } from "./attempt.ts";
import type { Driver } from "./driver.ts";
import type { Probe } from "./probe.ts";

const TIMEOUT_MS = 10_000;

/** What one contender's program could do without being allowed anything: what it tried, and what came of it. */
export interface Reach {
  contender: string;
  findings: Record<string, string>;
}

/** Starts each contender once and lets its program try what a program should not be able to. */
export async function compareReach(
  drivers: readonly Driver[],
  probe: Probe,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<Reach[]> {
  const listener = createServer((socket) => socket.destroy());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  try {
    const reached: Reach[] = [];
    for (const driver of drivers) {
      const contender = driver.contender.name;
      const findings = await attempt(contender, () => findingsOf(driver, probe, port, signal));
      if (findings !== undefined) reached.push({ contender, findings });
    }
    return reached;
  } finally {
    listener.close();
  }
}

async function findingsOf(driver: Driver, probe: Probe, port: number, signal: AbortSignal): Promise<Reach["findings"]> {
  const running = await driver.start(probe);
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(new URL(`/reach?port=${port}`, running.url), { signal: limit });
    if (!response.ok) throw new Error(`expected 200, got ${response.status}`);
    return parse(await response.text());
  } finally {
    await running.stop();
  }
}

function parse(report: string): Record<string, string> {
  const pairs = report
    .trim()
    .split("\n")
    .map((line) => line.split("="));
  return Object.fromEntries(pairs.map(([what = "", result = ""]) => [what, result]));
}
