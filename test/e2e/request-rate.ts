import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster-handle.ts";
import { get } from "../harness.ts";
import { SYSTEM_NAMESPACE } from "./installed-wasmlet.ts";

const MANAGEMENT_PORT = 9464;
/** As far back as a rate looks, and how close two looks may be: a rate over less says little. */
const WINDOW_MS = 10_000;
const MIN_SPAN_MS = 500;

interface Sample {
  atMs: number;
  /** Requests that each node runtime has answered, by its address. */
  answered: ReadonlyMap<string, number>;
}

/** How many requests a second an app answers, by what the node runtimes count: `rate(wasmlet_requests_total)` without Prometheus. */
export class RequestRate {
  readonly #addresses: readonly string[];
  readonly #series: string;
  #samples: Sample[] = [];

  constructor(addresses: readonly string[], namespace: string, app: string) {
    this.#addresses = addresses;
    this.#series = `wasmlet_requests_total{namespace="${namespace}",app="${app}",`;
  }

  /** Returns the rate of all nodes together, since the last ten seconds at the most. */
  async read(): Promise<number> {
    if (this.#samples.length === 0) await this.#look();
    await this.#look();
    const first = this.#samples.at(0)!;
    const last = this.#samples.at(-1)!;
    // A node that ends an app forgets what it has counted.
    const growth = [...last.answered].map(([node, count]) => Math.max(0, count - (first.answered.get(node) ?? 0)));
    return growth.reduce((sum, requests) => sum + requests, 0) / ((last.atMs - first.atMs) / 1000);
  }

  async #look(): Promise<void> {
    const sinceMs = performance.now() - (this.#samples.at(-1)?.atMs ?? -MIN_SPAN_MS);
    if (sinceMs < MIN_SPAN_MS) await delay(MIN_SPAN_MS - sinceMs);
    const counts = this.#addresses.map(async (address) => [address, await this.#answeredBy(address)] as const);
    const sample = { atMs: performance.now(), answered: new Map(await Promise.all(counts)) };
    this.#samples = [...this.#samples.filter(({ atMs }) => sample.atMs - atMs < WINDOW_MS), sample];
  }

  async #answeredBy(address: string): Promise<number> {
    const { body } = await get(`http://${address}:${MANAGEMENT_PORT}/metrics`);
    const lines = body.split("\n").filter((line) => line.startsWith(this.#series));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }
}

/** Returns the addresses of a pool's pods. */
export async function addressesOf(cluster: Cluster, pool: string): Promise<string[]> {
  const pods = ["get", "pods", "-n", SYSTEM_NAMESPACE, "-l", `wasmlet.dev/runtime=${pool}`];
  return (await cluster.kubectl([...pods, "-o", "jsonpath={.items[*].status.podIP}"])).trim().split(" ");
}
