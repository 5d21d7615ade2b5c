import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { BEAT_FD, BEAT_MS, BEATS } from "../cell/beat.ts";
import { readFromCell, type FromCell, type ToCell } from "../cell/protocol.ts";
import { readBeats } from "./beat-lines.ts";
import { CELL_MAIN, describeExit, startChild } from "./child-process.ts";
import { culpritOf, Heartbeat, type Stuck } from "./heartbeat.ts";
import { LastWords } from "./last-words.ts";

const DEFAULT_REQUEST_TIMEOUT_MS = 5000;
const MAX_HEAP_MB = 2048;

const WHY: Readonly<Record<Stuck, string>> = {
  silent: "gave no sign of life and was killed",
  guest: "did not answer and was killed",
  host: "did not answer, though no guest ran, and was killed",
};

/** How a cell process ended. */
export interface CellDeath {
  why: string;
  /** The number of the app that is known to have ended it. */
  culprit?: number;
}

/** What a cell process tells its owner. */
export interface CellEvents {
  message(message: FromCell): void;
  /** The process is gone, expected or not. */
  exit(death: CellDeath): void;
}

/** One cell process and its channel. Messages that are not of the protocol are dropped. */
export class CellProcess {
  readonly #child: ChildProcess;
  readonly #heartbeat = new Heartbeat();
  #events: CellEvents;
  #ticker: NodeJS.Timeout | undefined;
  #hasStarted = false;
  #isReady = false;
  #exited = false;
  #hasEnded = false;
  #stuck: Stuck | undefined;
  readonly #end = Promise.withResolvers<void>();
  /** The longest that a guest of this cell may keep its thread: its apps' longest request timeout. */
  longestRequestMs = DEFAULT_REQUEST_TIMEOUT_MS;

  constructor(events: CellEvents, options: { stdio?: "inherit"; heartbeat: boolean }) {
    this.#events = events;
    this.#child = startChild(CELL_MAIN, {
      maxHeapMb: MAX_HEAP_MB,
      ...(options.stdio && { stdio: options.stdio }),
      ...(options.heartbeat && { args: [BEATS], pipes: 1 }),
    });
    const words = new LastWords(this.#child.stderr);
    this.#child.on("message", (raw) => this.#receive(raw));
    this.#child.on("error", () => this.#ended({ why: "could not be started" }));
    this.#child.on("exit", () => (this.#exited = true));
    // Behind `exit`: by then all is read that it printed and told.
    this.#child.on("close", (code, signal) => {
      const culprit = culpritOf({ stuck: this.#stuck, signal, last: this.#heartbeat.last });
      const why = this.#stuck === undefined ? describeExit(code, signal) : WHY[this.#stuck];
      this.#ended({
        why: words.error === "" ? why : `${why}: ${words.error}`,
        ...(culprit !== undefined && { culprit }),
      });
    });
    if (options.heartbeat) this.#listenToBeats();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return !this.#exited;
  }

  /** Whether it has started, its watchdog too, and takes apps. */
  get isReady(): boolean {
    return this.#isReady && !this.#exited;
  }

  /** Resolves once the process is gone. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  /** Gives it to another owner: what it tells from here on is told to that one. */
  handOver(events: CellEvents): void {
    this.#events = events;
  }

  /** Sends a message; a cell that is gone gets none. */
  send(message: ToCell): void {
    if (!this.#exited && this.#child.connected) this.#child.send(message, () => {});
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #receive(raw: unknown): void {
    const message = readFromCell(raw);
    if (message === undefined) return;
    if (message.type === "ready") this.#hasStarted = true;
    else this.#events.message(message);
    this.#noteReady();
  }

  /** Guests run in it when there is somebody who stops them, and tells who has the thread. */
  #noteReady(): void {
    const isWatched = this.#ticker === undefined || this.#heartbeat.last !== undefined;
    if (this.#isReady || !this.#hasStarted || !isWatched) return;
    this.#isReady = true;
    this.#events.message({ type: "ready" });
  }

  #listenToBeats(): void {
    const beats = this.#child.stdio[BEAT_FD] as Readable | null | undefined;
    // One that could not be started has no pipes.
    if (!beats) return;
    readBeats(beats, (beat) => {
      this.#heartbeat.note(beat);
      this.#noteReady();
    });
    this.#ticker = setInterval(() => {
      const stuck = this.#heartbeat.tick(this.longestRequestMs);
      if (stuck === undefined || this.#stuck !== undefined) return;
      this.#stuck = stuck;
      this.kill();
    }, BEAT_MS);
  }

  #ended(death: CellDeath): void {
    if (this.#hasEnded) return;
    this.#exited = true;
    this.#hasEnded = true;
    clearInterval(this.#ticker);
    this.#end.resolve();
    this.#events.exit(death);
  }
}
