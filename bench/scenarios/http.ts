import { join } from "node:path";
import { measureHttp, startPeers } from "../http-arms.ts";
import type { Effort } from "../options.ts";
import { BARE_NODE } from "../peers/bare-node.ts";
import { JCO_SERVE } from "../peers/jco-serve.ts";
import type { Peer } from "../peers/peer.ts";
import { WASMTIME_SERVE, WASMTIME_SERVE_REUSE } from "../peers/wasmtime-serve.ts";
import { WORKERD } from "../peers/workerd.ts";
import { REPOSITORY, startRuntimeUnderTest } from "../runtime-under-test.ts";
import type { Findings } from "../scenario.ts";

/*
 * The Rust hello of examples/ behind one cell, against what else serves it. http-pristine: each request sees a new program;
 * http-warm: the program is kept. bare node:http is in both, the least that any server on Node.js costs.
 */

const GUEST = "hello-rust";
const FILE = join(REPOSITORY, "examples", GUEST, `${GUEST}.wasm`);
const IDLE_SECONDS = 600;

/** The arms' names in samples and goals. */
export const HTTP_ARMS = { request: "reuse: Request", instance: "reuse: Instance" } as const;

/** Measures requests that each get a pristine program. */
export function measurePristineHttp(effort: Effort): Promise<Findings> {
  return measure("http-pristine", "Request", [BARE_NODE, WASMTIME_SERVE], effort);
}

/** Measures requests to a program that is kept. */
export function measureWarmHttp(effort: Effort): Promise<Findings> {
  return measure("http-warm", "Instance", [BARE_NODE, WASMTIME_SERVE_REUSE, WORKERD, JCO_SERVE], effort);
}

async function measure(
  scenario: string,
  reuse: "Request" | "Instance",
  peers: readonly Peer[],
  { httpRounds, httpRequests }: Effort,
): Promise<Findings> {
  const runtime = await startRuntimeUnderTest([{ name: "app", guest: GUEST, reuse, idleSeconds: IDLE_SECONDS }]);
  try {
    const started = await startPeers(peers, FILE);
    try {
      const own = { name: `reuse: ${reuse}`, url: runtime.urlOf("app"), pids: runtime.cellPids };
      const effort = { rounds: httpRounds, requests: httpRequests };
      return { samples: await measureHttp(scenario, [own, ...started.arms], effort), notes: started.notes };
    } finally {
      await started.stop();
    }
  } finally {
    await runtime.stop();
  }
}
