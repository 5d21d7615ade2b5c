import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Stopwatch } from "./driver.ts";
import { awaitAnswer } from "./first-answer.ts";

/*
 * The probe, the same for all: it begins a start and asks until there is an answer.
 *
 * Beside it runs a server that does nothing but answer, in a thread of its own. Before each start the probe asks it a few times: a client that
 * has slept takes a millisecond to wake up, which would count as the program's. What one question to it takes is the probe's
 * own share in every number.
 */

const WAKE_UPS = 10;
const SERVER = `
  const { createServer } = require("node:net");
  const { parentPort } = require("node:worker_threads");
  const answer = "HTTP/1.1 200 OK\\r\\ncontent-length: 6\\r\\n\\r\\nhello\\n";
  const server = createServer((socket) => socket.setNoDelay().on("error", () => {}).on("data", () => socket.write(answer)));
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

/** Takes the time of starts. */
export class Probe implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #url: string;
  #ownSeconds = 0;

  private constructor(worker: Worker, url: string) {
    this.#worker = worker;
    this.#url = url;
  }

  static async start(): Promise<Probe> {
    const worker = new Worker(SERVER, { eval: true });
    const [port] = (await once(worker, "message")) as [number];
    return new Probe(worker, `http://127.0.0.1:${port}/`);
  }

  /** What its own part was in the latest start: connection, request and answer of a server that does nothing, in seconds. */
  get ownSeconds(): number {
    return this.#ownSeconds;
  }

  /** Returns a stopwatch that runs from now on: the start is to be asked for at once. */
  async begin(): Promise<Stopwatch> {
    for (let count = 0; count < WAKE_UPS; count++) {
      const beganMs = performance.now();
      const { answeredMs } = await awaitAnswer(this.#url);
      this.#ownSeconds = (answeredMs - beganMs) / 1000;
    }
    return new Stopwatch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
