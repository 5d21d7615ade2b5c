import { loadavg } from "node:os";
import { messageOf } from "../common/errors.ts";
import { parseAnswer } from "./http-answer.ts";
import { HttpConnection } from "../startup/http-connection.ts";
import type { Peer } from "./peers/peer.ts";
import { cpuSecondsBetween, findTree, readCpu } from "../startup/process-stats.ts";
import type { Findings } from "./scenario.ts";
import type { Sample } from "./stats.ts";

/*
 * Requests over HTTP to several servers: a block of each in turn, for the same time and over the same number of keep-alive
 * connections. CPU time is that of the server with all its children.
 */

/**
 * As many as leave no server without a request to go on with. With 4, each request wakes a thread, which costs bare
 * node:http little, wasmtime a third and workerd twice as much as serving it.
 */
const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1.5;

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

/** Measures blocks of requests, arm after arm, round after round, once all arms are warm. */
export async function measureHttp(
  scenario: string,
  arms: readonly HttpArm[],
  { rounds, blockSeconds }: { rounds: number; blockSeconds: number },
): Promise<Findings["samples"]> {
  const open = new Map<HttpArm, HttpConnection[]>();
  try {
    for (const arm of arms) await runBlock(await connect(arm, open), WARM_UP_SECONDS);
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) {
      // No arm always comes after the same one.
      for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
        const block = await measureBlock(arm.pids, await connect(arm, open), blockSeconds);
        samples.push({ scenario, arm: arm.name, round, ...block });
      }
    }
    return samples;
  } finally {
    for (const connection of [...open.values()].flat()) connection.close();
  }
}

/** Resolves to the arm's connections, new ones where the server closed some meanwhile, each of which gave its answer. */
async function connect(arm: HttpArm, open: Map<HttpArm, HttpConnection[]>): Promise<HttpConnection[]> {
  const known = open.get(arm);
  if (known?.every((connection) => connection.isOpen)) return known;
  for (const connection of known ?? []) connection.close();
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(arm.url)));
  open.set(arm, connections);
  for (const connection of connections) {
    const answer = await connection.get();
    if (parseAnswer(answer).body !== arm.body) throw new Error(`${arm.name} answered ${answer}`);
  }
  return connections;
}

async function measureBlock(
  pids: readonly number[],
  connections: readonly HttpConnection[],
  blockSeconds: number,
): Promise<Omit<Sample, "scenario" | "arm" | "round">> {
  const cpuBefore = readCpu(pids);
  const begin = performance.now();
  const latenciesMicros = await runBlock(connections, blockSeconds);
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

/** Sends one request after another over each connection; returns what they took. A slow server answers fewer. */
async function runBlock(connections: readonly HttpConnection[], seconds: number): Promise<number[]> {
  const end = performance.now() + seconds * 1000;
  const latencies = await Promise.all(
    connections.map(async (connection) => {
      const own: number[] = [];
      while (performance.now() < end) own.push(await connection.time());
      return own;
    }),
  );
  return latencies.flat();
}
