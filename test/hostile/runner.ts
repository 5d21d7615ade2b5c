import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import type { AppView } from "../../node-runtime/runtime-api.ts";
import { appManifest, get, guestFile, makeTemporaryFolder, metric, repositoryFile, type Manifest } from "../harness.ts";
import { serve, type ServedRuntime } from "../served-runtime.ts";
import { Bystanders, type BystanderView } from "./bystanders.ts";
import { ask } from "./client.ts";
import { buildGuest } from "./guest-text.ts";
import { deadlineSecondsOf, type HostileKind, type Target } from "./kinds.ts";
import { startPeers } from "./peers.ts";

/*
 * A node runtime in a process of its own, with one cell, so that every hostile app has the same thread as the bystanders:
 * apps that have done nothing, and whose clients never stop asking.
 */

const POLL_MS = 10;
const MAX_SETTLE_MS = 100_000;
const MAX_REPORT_MS = 10_000;

/** Apps beside the hostile ones, and what their clients ask for. */
const BYSTANDERS: readonly { name: string; file: string; reuse: "Request" | "Instance"; path: string }[] = [
  { name: "bystander-fresh", file: "examples/hello-rust/hello-rust.wasm", reuse: "Request", path: "/" },
  { name: "bystander-kept", file: "examples/hello-c/hello-c.wasm", reuse: "Instance", path: "/" },
  { name: "bystander-waits", file: "test/guests/probe.wasm", reuse: "Request", path: "/sleep?ms=3" },
];

/** What came of one kind. */
export interface Verdict {
  kind: HostileKind;
  outcome: string;
  /** What is not as it must be. */
  problems: string[];
  /** From the deadline until others had the thread and the request was over; for what is stopped at its deadline. */
  freedMs?: number;
  bystanders: BystanderView;
}

/** A runtime with hostile apps and bystanders, all of them ready or refused. */
export class HostileRun {
  readonly #runtime: ServedRuntime;
  readonly #apps: ReadonlyMap<string, AppView>;
  readonly #bystanders: Bystanders;
  readonly #peers: Target["peers"];
  readonly #end: () => Promise<void>;

  private constructor(parts: {
    runtime: ServedRuntime;
    apps: AppView[];
    peers: Target["peers"];
    end: () => Promise<void>;
  }) {
    this.#runtime = parts.runtime;
    this.#apps = new Map(parts.apps.map((app) => [app.name, app]));
    this.#peers = parts.peers;
    this.#bystanders = new Bystanders(BYSTANDERS.map(({ name, path }) => new URL(path, this.#urlOf(name)).href));
    this.#end = parts.end;
  }

  /** Builds the guests and starts the runtime. */
  static async start(kinds: readonly HostileKind[]): Promise<HostileRun> {
    const temporary = makeTemporaryFolder();
    const hostile = await Promise.all(kinds.map((kind) => hostileManifest(kind, temporary.path)));
    const manifests = [...hostile, ...BYSTANDERS.map(bystanderManifest)];
    const peers = await startPeers();
    const runtime = await serve(manifests, join(temporary.path, "cache"), ["--cells", "1"]);
    const end = async (): Promise<void> => {
      await runtime.remove();
      peers.stop();
      temporary.remove();
    };
    try {
      return new HostileRun({ runtime, apps: await untilSettled(runtime, manifests.length), peers: peers.ports, end });
    } catch (thrown) {
      await end();
      throw thrown;
    }
  }

  /** What the bystanders see while nobody is hostile. */
  async watchQuietly(ms: number): Promise<BystanderView> {
    this.#bystanders.take();
    await delay(ms);
    return this.#bystanders.take();
  }

  /** Lets one kind loose, and judges what came of it. */
  async attack(kind: HostileKind): Promise<Verdict> {
    this.#bystanders.take();
    const { verdict, freedMs } = await this.#release(kind);
    const bystanders = this.#bystanders.take();
    const failures = bystanders.failures.map((failure) => `a bystander failed: ${failure}`);
    return {
      ...verdict,
      problems: [...verdict.problems, ...failures],
      bystanders,
      ...(freedMs !== undefined && { freedMs }),
    };
  }

  /** Lets many loose: at once those that only wait, and the others one after another. Tells no times. */
  async attackAll(kinds: readonly HostileKind[]): Promise<Pick<Verdict, "kind" | "outcome" | "problems">[]> {
    const verdicts: Pick<Verdict, "kind" | "outcome" | "problems">[] = [];
    // Apart from one another: who counts the cells that died must know whose they were.
    for (const costsCell of [true, undefined]) {
      this.#bystanders.take();
      const together = kinds.filter(({ waits, gap }) => waits === true && gap?.costsCell === costsCell);
      const released = (await Promise.all(together.map((kind) => this.#release(kind)))).map(({ verdict }) => verdict);
      released[0]?.problems.push(...this.#bystanders.take().failures);
      verdicts.push(...released);
    }
    for (const kind of kinds) if (kind.waits !== true) verdicts.push(await this.attack(kind));
    return verdicts;
  }

  async #release(kind: HostileKind): Promise<Released> {
    const before = await this.#count(kind);
    const beginMs = performance.now();
    const outcome = await this.#outcomeOf(kind);
    const servedMs = await this.#bystanders.untilServed();
    if (kind.gap?.costsCell === true) await this.#untilReplaced(before.restarts);
    const problems = [...judgeOutcome(kind, outcome), ...(await this.#judgeCounts(kind, before))];
    const isStopped = kind.limit === "request_timeout";
    return {
      verdict: { kind, outcome, problems },
      freedMs: isStopped ? Math.max(0, servedMs - beginMs - deadlineSecondsOf(kind) * 1000) : undefined,
    };
  }

  /** Returns whether the runtime and its bystanders are what they were. */
  async isHealthy(): Promise<boolean> {
    const health = await get(`${this.#runtime.managementUrl}/healthz`);
    return health.body === "ok\n";
  }

  /** Ends the clients, the runtime and its peers. */
  async stop(): Promise<void> {
    await this.#bystanders.stop();
    await this.#end();
  }

  async #outcomeOf({ name, attack = ({ url }) => ask(url) }: HostileKind): Promise<string> {
    const { state, reason, urls } = this.#apps.get(name)!;
    if (state === "Failed") return `refused ${reason}`;
    return attack({ url: urls[0]!.replace(/\/$/, ""), peers: this.#peers });
  }

  async #count({ name, limit, counter }: HostileKind): Promise<Counts> {
    const count = async (of: string, labels?: string): Promise<number> =>
      (await metric(this.#runtime, of, labels)) ?? 0;
    return {
      limitHits: limit === undefined ? 0 : await count("wasmlet_limit_hits_total", `app="${name}",limit="${limit}"`),
      counter: counter === undefined ? 0 : await count(counter, `app="${name}"`),
      restarts: await count("wasmlet_cell_restarts_total"),
    };
  }

  /** Cells report now and then, and a busy one later: what is to be counted may come a moment after the answer. */
  async #judgeCounts(kind: HostileKind, before: Counts): Promise<string[]> {
    const latestMs = performance.now() + MAX_REPORT_MS;
    for (;;) {
      const problems = judgeCounts(kind, before, await this.#count(kind));
      if (problems.length === 0 || performance.now() > latestMs) return problems;
      await delay(POLL_MS);
    }
  }

  /** Resolves once the supervisor has noticed that a cell died. */
  async #untilReplaced(restarts: number): Promise<void> {
    while (((await metric(this.#runtime, "wasmlet_cell_restarts_total")) ?? 0) <= restarts) await delay(POLL_MS);
  }

  #urlOf(name: string): string {
    return this.#apps.get(name)!.urls[0]!;
  }
}

interface Released {
  verdict: Pick<Verdict, "kind" | "outcome" | "problems">;
  freedMs: number | undefined;
}

interface Counts {
  limitHits: number;
  counter: number;
  restarts: number;
}

function judgeOutcome({ expected }: HostileKind, outcome: string): string[] {
  const fits = typeof expected === "string" ? outcome === expected : expected.test(outcome);
  return fits ? [] : [`expected ${String(expected)}, got ${outcome.slice(0, 200)}`];
}

function judgeCounts({ limit, counter, gap }: HostileKind, before: Counts, after: Counts): string[] {
  const problems: string[] = [];
  if (limit !== undefined && after.limitHits <= before.limitHits) problems.push(`limit ${limit} is not counted`);
  if (counter !== undefined && after.counter <= before.counter) problems.push(`${counter} does not grow`);
  const hasDied = after.restarts > before.restarts;
  if (hasDied !== (gap?.costsCell === true)) problems.push(hasDied ? "the cell died" : "the cell lived");
  return problems;
}

async function hostileManifest(kind: HostileKind, folder: string): Promise<Manifest> {
  const { limits, ...spec } = kind.spec ?? {};
  return appManifest(kind.name, await writeGuest(kind, folder), {
    spec: { ...spec, limits: { requestTimeoutSeconds: deadlineSecondsOf(kind), ...(limits as object) } },
  });
}

async function writeGuest({ name, guest }: HostileKind, folder: string): Promise<string> {
  if ("file" in guest) return guestFile(guest.file);
  const file = join(folder, `${name}.wasm`);
  try {
    writeFileSync(file, "component" in guest ? await parse(guest.component) : await buildGuest(guest));
  } catch (cause) {
    throw new Error(`the guest of ${name} is not built: ${String(cause)}`, { cause });
  }
  return file;
}

function bystanderManifest({ name, file, reuse }: (typeof BYSTANDERS)[number]): Manifest {
  return appManifest(name, repositoryFile(file), { spec: { isolation: { reuse } } });
}

function describeUnsettled(apps: readonly AppView[]): string {
  const unsettled = apps.filter(({ state }) => state !== "Ready" && state !== "Failed");
  return unsettled.map(({ name, state, reason, message }) => `${name} ${state} ${reason} ${message}`).join("; ");
}

interface Management {
  apps: AppView[];
  problems: unknown[];
}

async function untilSettled(runtime: ServedRuntime, count: number): Promise<AppView[]> {
  const latestMs = performance.now() + MAX_SETTLE_MS;
  for (;;) {
    const { apps, problems } = JSON.parse((await get(`${runtime.managementUrl}/v1/apps`)).body) as Management;
    if (problems.length > 0) throw new Error(`a manifest is not valid: ${JSON.stringify(problems[0])}`);
    if (apps.length === count && apps.every(({ state }) => state === "Ready" || state === "Failed")) return apps;
    if (performance.now() > latestMs) throw new Error(`not settled: ${describeUnsettled(apps)}`);
    await delay(POLL_MS);
  }
}
