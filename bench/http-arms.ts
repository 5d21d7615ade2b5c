import { loadavg } from "node:os";
import { messageOf } from "../common/errors.ts";
import { parseAnswer } from "./http-answer.ts";
import { HttpConnection } from "./http-connection.ts";
import type { Peer } from "./peers/peer.ts";
import { cpuSecondsBetween, findTree, readCpu } from "./process-cpu.ts";
import type { Findings } from "./scenario.ts";
import type { Sample } from "./stats.ts";

/*
 * Requests over HTTP to several servers: a block of each in turn, over the same number of keep-alive connections. CPU time is
 * that of the server with all its children.
 */

/**
 * As many as leave no server without a request to go on with. With 4, each request wakes a thread, which costs bare
 * node:http little, wasmtime a third and workerd twice as much as serving it.
 */
const CONNECTIONS = 32;
const WARM_UP_BLOCKS = 2;

/** One server that is measured. */
export interface HttpArm {
  name: string;
  url: string;
  pids: readonly number[];
  /** The body that it must answer with. */
  body: string;
}

/** Peers that answer, and why others do not. */
interface StartedPeers {
  arms: HttpArm[];
  notes: string[];
  stop(): Promise<void>;
}

/** Starts the peers; one that is missing or fails becomes a note. */
export async function startPeers(peers: readonly Peer[], file: string, body: string): Promise<StartedPeers> {
  const [arms, notes, stops] = [[] as HttpArm[], [] as string[], [] as (() => Promise<void>)[]];
  for (const peer of peers) {
    try {
      const started = await peer.start(file);
      if ("missing" in started) {
        notes.push(`${peer.name} is not measured: ${started.missing}`);
        continue;
      }
      stops.push(() => started.stop());
      if (started.note !== undefined) notes.push(`${peer.name}: ${started.note}`);
      arms.push({ name: peer.name, url: started.url, pids: findTree(started.pid), body });
    } catch (thrown) {
      notes.push(`${peer.name} is not measured: ${messageOf(thrown).slice(0, 500)}`);
    }
  }
  return {
    arms,
    notes,
    stop: async () => {
      for (const stop of stops) await stop();
    },
  };
}

/** Measures blocks of requests, arm after arm, round after round. */
export async function measureHttp(
  scenario: string,
  arms: readonly HttpArm[],
  { rounds, requests }: { rounds: number; requests: number },
): Promise<Findings["samples"]> {
  const open = new Map<HttpArm, HttpConnection[]>();
  try {
    for (const arm of arms) open.set(arm, await connect(arm));
    for (let block = 0; block < WARM_UP_BLOCKS; block++) {
      for (const connections of open.values()) await runBlock(connections, requests);
    }
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) {
      const turns = round % 2 === 0 ? [...open] : [...open].toReversed(); // no arm always comes after the same one
      for (const [arm, connections] of turns) {
        samples.push({ scenario, arm: arm.name, round, ...(await measureBlock(arm.pids, connections, requests)) });
      }
    }
    return samples;
  } finally {
    for (const connection of [...open.values()].flat()) connection.close();
  }
}

/** Connects, and checks that the arm gives the answer that all arms give. */
async function connect({ name, url, body }: HttpArm): Promise<HttpConnection[]> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(url)));
  for (const connection of connections) {
    const answer = await connection.get();
    if (parseAnswer(answer).body !== body) throw new Error(`${name} answered ${answer}`);
  }
  return connections;
}

async function measureBlock(
  pids: readonly number[],
  connections: readonly HttpConnection[],
  requests: number,
): Promise<Omit<Sample, "scenario" | "arm" | "round">> {
  const cpuBefore = readCpu(pids);
  const begin = performance.now();
  const latenciesMicros = await runBlock(connections, requests);
  const wallSeconds = (performance.now() - begin) / 1000;
  const cpuSeconds = cpuSecondsBetween(cpuBefore, readCpu(pids));
  return {
    requests: latenciesMicros.length,
    wallSeconds,
    cpuSeconds,
    loadAverage: loadavg()[0] ?? 0,
    latenciesMicros,
  };
}

async function runBlock(connections: readonly HttpConnection[], requests: number): Promise<number[]> {
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
