import { type HttpArm, measureHttp, startPeers } from "../http-arms.ts";
import { parseAnswer } from "../http-answer.ts";
import { HttpConnection } from "../../startup/http-connection.ts";
import type { Effort } from "../options.ts";
import { bareNode } from "../peers/bare-node.ts";
import { JCO_SERVE } from "../peers/jco-serve.ts";
import type { Peer } from "../peers/peer.ts";
import { WASMTIME_SERVE, WASMTIME_SERVE_REUSE } from "../peers/wasmtime-serve.ts";
import { WORKERD } from "../peers/workerd.ts";
import { type BenchApp, guestFile, type RuntimeUnderTest, startRuntimeUnderTest } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";

/*
 * Guests of examples/ behind one cell, against what else serves them. http-pristine: each request sees a new program, in
 * a memory of 17 pages (hello-rust) and of 2 (hello-c); http-warm: the program is kept. bare node:http is in both: the least
 * that any server on Node.js costs.
 */

const IDLE_SECONDS = 600;

type Reuse = BenchApp["reuse"];

/** What is served: hello-rust has 1.1 MB of memory, hello-c 128 KB. */
interface Served {
  guest: "hello-rust" | "hello-c";
  reuse: Reuse;
  peers: readonly Peer[];
}

/** Returns the arm of a guest behind a cell, as samples and goals name it. */
export function ownArm(guest: Served["guest"], reuse: Reuse): string {
  return `${guest}, reuse: ${reuse}`;
}

/** Returns the arm of a bare server that answers the same as this guest. */
export function bareArm(guest: Served["guest"]): string {
  return `${guest}, bare node:http`;
}

/** Measures requests that each get a pristine program. */
export function measurePristineHttp(effort: Effort): Promise<Findings> {
  const small: Served = { guest: "hello-c", reuse: "Request", peers: [] };
  return measure("http-pristine", [{ guest: "hello-rust", reuse: "Request", peers: [WASMTIME_SERVE] }, small], effort);
}

/** Measures requests to a program that is kept. */
export function measureWarmHttp(effort: Effort): Promise<Findings> {
  const peers = [WASMTIME_SERVE_REUSE, WORKERD, JCO_SERVE];
  return measure("http-warm", [{ guest: "hello-rust", reuse: "Instance", peers }], effort);
}

async function measure(
  scenario: string,
  served: readonly Served[],
  { httpRounds: rounds, httpBlockSeconds: blockSeconds }: Effort,
): Promise<Findings> {
  const runtime = await startRuntimeUnderTest(
    served.map(({ guest, reuse }) => ({ name: guest, file: guestFile(guest), reuse, idleSeconds: IDLE_SECONDS })),
  );
  const started: Awaited<ReturnType<typeof startArms>>[] = [];
  try {
    for (const one of served) started.push(await startArms(runtime, one));
    const arms = started.flatMap((one) => one.arms);
    return {
      samples: await measureHttp(scenario, arms, { rounds, blockSeconds }),
      notes: started.flatMap(({ notes }) => notes),
    };
  } finally {
    for (const one of started) await one.stop();
    await runtime.stop();
  }
}

/** Starts a guest's peers, beside its own arm; the bare server answers with what the guest answers. */
async function startArms(runtime: RuntimeUnderTest, { guest, reuse, peers }: Served): ReturnType<typeof startPeers> {
  const url = runtime.urlOf(guest);
  const answer = await HttpConnection.getOnce(url);
  const { body } = parseAnswer(answer);
  const own: HttpArm = { name: ownArm(guest, reuse), url, pids: runtime.cellPids, body };
  const started = await startPeers([bareNode(bareArm(guest), answer), ...peers], guestFile(guest), body);
  return { ...started, arms: [own, ...started.arms] };
}
