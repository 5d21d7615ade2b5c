import { Agent } from "node:http";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "vitest";
import { appManifest, get, guestFile, makeTemporaryFolder, open, read, type Manifest } from "./harness.ts";
import { childrenOf, isAlive, serve, type LogRecord, type ServedRuntime } from "./served-runtime.ts";

const HAND_OVERS = 3;
const NEW_CONNECTIONS = 4;
const KEPT_CONNECTIONS = 8;

const temporary = makeTemporaryFolder();
const cache = join(temporary.path, "cache");
let runtime: ServedRuntime | undefined;

afterEach(async () => {
  await runtime?.remove();
  runtime = undefined;
});

afterAll(() => temporary.remove());

test("contract: SIGHUP has a successor serve on the same ports, again and again, and no request fails", async () => {
  runtime = await serve([probe("probe"), probe("quiet")], cache, ["--cells", "2"]);
  const [url, quiet] = [await runtime.urlOf("probe"), await runtime.urlOf("quiet")];
  const clients = new Clients(url, runtime.managementUrl);
  for (let round = 1; round <= HAND_OVERS; round++) {
    const answered = clients.answered;
    await handOver(runtime, round);
    await clients.untilAnswered(answered + 500);
  }
  expect(await clients.stop()).toEqual([]);
  expect((await get(`${quiet}/hello`)).status).toBe(200);
  const views = await runtime.apps();
  expect(views.map(({ urls }) => urls[0])).toEqual(expect.arrayContaining([url, quiet]));
  // What was replaced is gone: there is the process that was started, the one that serves, and its cells.
  const server = serverOf(runtime);
  const cells = childrenOf(server);
  expect(cells).toHaveLength(2);
  runtime.signal("SIGTERM");
  expect(await runtime.exited).toEqual({ code: 0, signal: null });
  expect([server, ...cells].filter(isAlive)).toEqual([]);
  expect(await runtime.stderr).toBe("");
});

test("contract: what a request has begun before SIGHUP is answered to its end", async () => {
  runtime = await serve([probe("probe")], cache);
  const accepted = await open(`${await runtime.urlOf("probe")}/stream?chunks=3&ms=1000`);
  await handOver(runtime, 1);
  expect((await read(accepted)).body).toBe("chunk 0\nchunk 1\nchunk 2\n");
});

test("contract: a hang-up that reaches the cells too, as that of a terminal, cuts no request", async () => {
  runtime = await serve([probe("probe")], cache);
  const accepted = await open(`${await runtime.urlOf("probe")}/stream?chunks=2&ms=500`);
  for (const pid of runtime.children()) process.kill(pid, "SIGHUP");
  expect((await read(accepted)).body).toBe("chunk 0\nchunk 1\n");
});

test("contract: SIGHUP behind SIGTERM starts no successor", async () => {
  runtime = await serve([probe("probe")], cache);
  const accepted = await open(`${await runtime.urlOf("probe")}/stream?chunks=2&ms=500`);
  runtime.signal("SIGTERM");
  await runtime.untilLogged(({ msg }) => msg === "draining");
  runtime.signal("SIGHUP");
  await runtime.untilLogged(({ msg }) => msg.startsWith("no successor is started"));
  expect((await read(accepted)).body).toBe("chunk 0\nchunk 1\n");
  expect(await runtime.exited).toEqual({ code: 0, signal: null });
});

test("contract: a successor that could not serve what is served now does not take over", async () => {
  runtime = await serve([probe("probe"), probe("other")], cache);
  const url = await runtime.urlOf("probe");
  await runtime.urlOf("other");
  const children = runtime.children().filter(isAlive);
  runtime.write("apps.yaml", probe("probe", "missing.wasm"), probe("other"));
  // Its version before goes on, and a start from the manifest would end it.
  runtime.signal("SIGHUP");
  const { msg } = await runtime.untilLogged(({ level }) => level === "error");
  expect(msg).toContain("RUNTIME_HAND_OVER");
  expect(msg).toContain("default/probe");
  expect((await get(`${url}/hello`)).status).toBe(200);
  // The successor that was given up is ended; its end may take a moment.
  while (runtime.children().some((pid) => isAlive(pid) && !children.includes(pid))) await nextTurn();
  expect(children.every(isAlive)).toBe(true);
});

test("contract: a successor that cannot read the manifest of what is served does not take over", async () => {
  runtime = await serve([probe("probe")], cache);
  const url = await runtime.urlOf("probe");
  runtime.write("apps.yaml", { ...probe("probe"), spec: { sauce: {} } });
  await runtime.untilLogged(({ msg }) => msg.startsWith("MANIFEST_"));
  runtime.signal("SIGHUP");
  await runtime.untilLogged(({ msg }) => msg.startsWith("RUNTIME_HAND_OVER") && msg.includes("MANIFEST_"));
  expect((await get(`${url}/hello`)).status).toBe(200);
});

test("contract: commands run in one runtime at a time", async () => {
  const command = { args: ["sleep", "3600000"], restartPolicy: "Never" };
  const worker = appManifest("worker", guestFile("command"), { spec: { trigger: { command } } });
  runtime = await serve([probe("probe"), worker], cache);
  const runs = (): number => runtime!.log.filter(({ msg }) => msg === "default/worker is Running").length;
  await runtime.untilLogged(() => runs() === 1);
  // It keeps the runtime before from ending.
  const accepted = await open(`${await runtime.urlOf("probe")}/stream?chunks=2&ms=1500`);
  runtime.signal("SIGHUP");
  await runtime.untilLogged(hasTakenOver);
  expect(runs()).toBe(1);
  await runtime.untilLogged(() => runs() === 2);
  expect((await read(accepted)).body).toBe("chunk 0\nchunk 1\n");
  expect(runtime.children().filter(isAlive)).toHaveLength(1);
});

test("contract: kill -9 of the process that was started leaves nothing behind after a hand-over", async () => {
  runtime = await serve([probe("probe")], cache, ["--cells", "1"]);
  await runtime.urlOf("probe");
  await handOver(runtime, 1);
  const server = serverOf(runtime);
  const cells = childrenOf(server);
  expect(cells).toHaveLength(1);
  runtime.signal("SIGKILL");
  await runtime.exited;
  while ([server, ...cells].some(isAlive));
});

test("contract: when the process that serves ends, the one that was started ends as it did", async () => {
  runtime = await serve([probe("probe")], cache);
  await handOver(runtime, 1);
  process.kill(serverOf(runtime), "SIGKILL");
  expect(await runtime.exited).toEqual({ code: 137, signal: null });
});

test("contract: two runtimes that start at once share no port", async () => {
  const started = await Promise.all([1, 2, 3].map(() => serve([probe("probe"), probe("more")], cache)));
  try {
    const urls = await Promise.all(started.flatMap((one) => [one.urlOf("probe"), one.urlOf("more")]));
    const ports = [...urls, ...started.map(({ managementUrl }) => managementUrl)].map((url) => new URL(url).port);
    expect(new Set(ports).size).toBe(9);
  } finally {
    for (const one of started) await one.remove();
  }
});

const hasTakenOver = ({ msg }: LogRecord): boolean => msg === "the successor has taken over";

function probe(name: string, file = guestFile("probe")): Manifest {
  return appManifest(name, file);
}

/** The one process that serves in the place of the one that was started. */
function serverOf(served: ServedRuntime): number {
  const alive = served.children().filter(isAlive);
  expect(alive).toHaveLength(1);
  return alive[0]!;
}

/** Sends SIGHUP; resolves when another process serves and all of what it replaced has gone. */
async function handOver(served: ServedRuntime, times: number): Promise<void> {
  served.signal("SIGHUP");
  await served.untilLogged((record) => hasTakenOver(record) && served.log.filter(hasTakenOver).length === times);
  while (served.children().filter(isAlive).length > 1) await nextTurn();
}

/** Clients with a connection for each request and with one for many, of an app and of the management port. */
class Clients {
  readonly #failures: string[] = [];
  readonly #done: Promise<unknown>;
  #isOver = false;
  answered = 0;
  #waiting: { count: number; resolve: () => void } | undefined;

  constructor(url: string, managementUrl: string) {
    const kept = Array.from({ length: KEPT_CONNECTIONS }, () => this.#run(`${url}/sleep?ms=20`, true));
    const single = Array.from({ length: NEW_CONNECTIONS }, () => this.#run(`${url}/sleep?ms=5`, false));
    const management = [true, false].map((keepAlive) => this.#run(`${managementUrl}/healthz`, keepAlive));
    this.#done = Promise.all([...kept, ...single, ...management]);
  }

  untilAnswered(count: number): Promise<void> {
    return new Promise((resolve) => (this.#waiting = { count, resolve }));
  }

  /** Returns what did not succeed. */
  async stop(): Promise<string[]> {
    this.#isOver = true;
    await this.#done;
    return this.#failures;
  }

  async #run(url: string, keepAlive: boolean): Promise<void> {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!this.#isOver) {
      const outcome = await get(url, { agent }).then(({ status }) => status, String);
      if (outcome !== 200) this.#failures.push(`${url} ${keepAlive ? "kept" : "new"}: ${outcome}`);
      this.answered++;
      if (this.#waiting !== undefined && this.answered >= this.#waiting.count) this.#waiting.resolve();
    }
    agent.destroy();
  }
}
