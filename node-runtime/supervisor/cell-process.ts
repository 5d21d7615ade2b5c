import type { ChildProcess } from "node:child_process";
import { readFromCell, type FromCell, type ToCell } from "../cell/protocol.ts";
import { CELL_MAIN, describeExit, startChild } from "./child-process.ts";
import { LastWords } from "./last-words.ts";

/** A cell that answers no ping for this much longer than a request may take is stuck in a guest: it is killed. */
const HEARTBEAT_SLACK_MS = 2000;
const DEFAULT_REQUEST_TIMEOUT_MS = 5000;
const HEARTBEAT_INTERVAL_MS = 1000;
const MAX_HEAP_MB = 2048;

/** What a cell process tells its owner. */
export interface CellEvents {
  message(message: FromCell): void;
  /** The process is gone, expected or not. */
  exit(why: string): void;
}

/** One cell process and its channel. Messages that are not of the protocol are dropped. */
export class CellProcess {
  readonly #child: ChildProcess;
  readonly #events: CellEvents;
  #heartbeat: NodeJS.Timeout | undefined;
  #unanswered = 0;
  #exited = false;
  #hasEnded = false;
  #stuck = false;
  readonly #end = Promise.withResolvers<void>();
  /** The longest that a guest of this cell may keep its thread: its apps' longest request timeout. */
  longestRequestMs = DEFAULT_REQUEST_TIMEOUT_MS;

  constructor(events: CellEvents, options: { stdio?: "inherit"; heartbeat: boolean }) {
    this.#events = events;
    this.#child = startChild(CELL_MAIN, { maxHeapMb: MAX_HEAP_MB, ...(options.stdio && { stdio: options.stdio }) });
    const words = new LastWords(this.#child.stderr);
    this.#child.on("message", (raw) => this.#receive(raw));
    this.#child.on("error", () => this.#ended("could not be started"));
    this.#child.on("exit", () => (this.#exited = true));
    // Behind `exit`: by then all is read that it printed.
    this.#child.on("close", (code, signal) => {
      const why = this.#stuck ? "did not answer and was killed" : describeExit(code, signal);
      this.#ended(words.error === "" ? why : `${why}: ${words.error}`);
    });
    if (options.heartbeat) this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_INTERVAL_MS);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return !this.#exited;
  }

  /** Resolves once the process is gone. */
  get ended(): Promise<void> {
    return this.#end.promise;
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
    this.#unanswered = 0;
    const message = readFromCell(raw);
    if (message !== undefined) this.#events.message(message);
  }

  #beat(): void {
    if (this.#unanswered * HEARTBEAT_INTERVAL_MS >= this.longestRequestMs + HEARTBEAT_SLACK_MS) {
      this.#stuck = true;
      this.kill();
      return;
    }
    this.#unanswered++;
    this.send({ type: "ping", seq: 0 });
  }

  #ended(why: string): void {
    if (this.#hasEnded) return;
    this.#exited = true;
    this.#hasEnded = true;
    clearInterval(this.#heartbeat);
    this.#end.resolve();
    this.#events.exit(why);
  }
}
