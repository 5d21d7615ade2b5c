import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { HttpConnection } from "../http-connection.ts";
import type { Effort } from "../options.ts";
import { readCpuSeconds } from "../process-cpu.ts";
import { startRuntimeUnderTest } from "../runtime-under-test.ts";
import type { Sample } from "../stats.ts";

/*
 * Warm requests through one cell against a bare node:http server with the same answer: a block of each arm in turn, over
 * the same number of keep-alive connections. CPU time is the serving process's own.
 */

const PEER = fileURLToPath(new URL("../peers/bare-http.ts", import.meta.url));
const CONNECTIONS = 4;
const WARM_UP_REQUESTS = 400;
const BODY = "Hello from Rust\npath: /\n";
const IDLE_SECONDS = 600;

/** The arms' names in samples and goals. */
export const WARM_ARMS = { bare: "bare node:http", request: "reuse: Request", instance: "reuse: Instance" } as const;

interface Arm {
  name: string;
  pids: readonly number[];
  connections: HttpConnection[];
}

/** Measures warm requests: one sample per arm and round. */
export async function measureWarm({ warmRounds, warmRequests }: Effort): Promise<Sample[]> {
  const runtime = await startRuntimeUnderTest([
    { name: "request", guest: "hello-rust", reuse: "Request", idleSeconds: IDLE_SECONDS },
    { name: "instance", guest: "hello-rust", reuse: "Instance", idleSeconds: IDLE_SECONDS },
  ]);
  const peer = fork(PEER, [BODY]);
  const arms: Arm[] = [];
  try {
    arms.push(await openArm(WARM_ARMS.bare, await urlOfPeer(peer), [peer.pid ?? 0]));
    arms.push(await openArm(WARM_ARMS.request, runtime.urlOf("request"), runtime.cellPids));
    arms.push(await openArm(WARM_ARMS.instance, runtime.urlOf("instance"), runtime.cellPids));
    for (const arm of arms) await runBlock(arm, WARM_UP_REQUESTS);
    const samples: Sample[] = [];
    for (let round = 0; round < warmRounds; round++) {
      for (const arm of arms) samples.push(await measureBlock(arm, round, warmRequests));
    }
    return samples;
  } finally {
    for (const { connections } of arms) for (const connection of connections) connection.close();
    peer.kill();
    await runtime.stop();
  }
}

async function urlOfPeer(peer: ChildProcess): Promise<string> {
  const [port] = (await once(peer, "message")) as [number];
  return `http://127.0.0.1:${port}/`;
}

/** Connects, and checks that the arm gives the answer that all arms give. */
async function openArm(name: string, url: string, pids: readonly number[]): Promise<Arm> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(url)));
  for (const connection of connections) {
    const answer = await connection.get();
    if (!answer.includes("Hello from Rust")) throw new Error(`${name} answered ${answer}`);
  }
  return { name, pids, connections };
}

async function measureBlock(arm: Arm, round: number, requests: number): Promise<Sample> {
  const cpuBefore = readCpuSeconds(arm.pids);
  const begin = performance.now();
  const latenciesMicros = await runBlock(arm, requests);
  const wallSeconds = (performance.now() - begin) / 1000;
  const cpuAfter = readCpuSeconds(arm.pids);
  return {
    scenario: "warm request",
    arm: arm.name,
    round,
    requests: latenciesMicros.length,
    wallSeconds,
    cpuSeconds: cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros,
  };
}

async function runBlock({ connections }: Arm, requests: number): Promise<number[]> {
  const each = Math.ceil(requests / connections.length);
  const latencies = await Promise.all(
    connections.map(async (connection) => {
      const own: number[] = [];
      while (own.length < each) own.push(await connection.time());
      return own;
    }),
  );
  return latencies.flat();
}
