import { fork, type ChildProcess } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { constants } from "node:os";
import { messageOf, WasmletError } from "../common/errors.ts";
import type { HeldPorts, RuntimeLog, SucceedingRuntime } from "../node-runtime/runtime-api.ts";
import type { StopSignal } from "./signals.ts";
import { readFromSuccessor, type FromSuccessor, type ToSuccessor } from "./succession-protocol.ts";

/** How long a successor may take to serve what is served now: it may have to fetch and to prepare artifacts. */
const MAX_START_MS = 600_000;

/** A runtime whose place may be taken: in this process, or in a child of it. */
interface Incumbent {
  heldPorts(): Promise<HeldPorts>;
  /** Lets go of the claims on the ports; resolves then. It drains and ends by itself. */
  stepDown(): Promise<void>;
  /** Resolves to an exit code when it has ended. */
  readonly ended: Promise<number>;
}

/** Who runs what `wasmlet serve` serves, from its start on through all who take its place. */
export class Succession {
  readonly #log: RuntimeLog;
  readonly #lost = Promise.withResolvers<number>();
  #incumbent: Incumbent;
  #child: SuccessorProcess | undefined;
  #candidate: SuccessorProcess | undefined;
  #isStopping = false;
  /** Those that were replaced and still answer requests. */
  readonly #leaving = new Set<Promise<number>>();

  /** `drain` ends the runtime of this process after it was replaced. */
  constructor(runtime: SucceedingRuntime, drain: () => Promise<void>, log: RuntimeLog) {
    this.#log = log;
    const ended = Promise.withResolvers<number>();
    this.#incumbent = {
      heldPorts: () => Promise.resolve(runtime.heldPorts()),
      stepDown: () => {
        runtime.releasePorts();
        void drain().then(() => ended.resolve(0));
        return Promise.resolve();
      },
      ended: ended.promise,
    };
    process.once("exit", () => {
      for (const child of [this.#child, this.#candidate]) child?.kill();
    });
  }

  /** Resolves to the exit code when the process that serves has ended unasked. */
  get lost(): Promise<number> {
    return this.#lost.promise;
  }

  /** Whether this process only stands for another one that serves. */
  get isFront(): boolean {
    return this.#child !== undefined;
  }

  /** Starts a process with the same command line, which takes over when it serves all that is served now. */
  async handOver(): Promise<void> {
    if (this.#isStopping) return this.#log.warn("no successor is started: what serves is ending");
    if (this.#candidate !== undefined) return this.#log.warn("a successor is being started already");
    const candidate = new SuccessorProcess();
    this.#candidate = candidate;
    this.#log.info("starting a successor", { pid: candidate.pid });
    try {
      candidate.send({ type: "inherit", ports: await this.#incumbent.heldPorts() });
      await candidate.ready;
      await this.#incumbent.stepDown();
    } catch (thrown) {
      candidate.kill();
      return this.#log.error(`RUNTIME_HAND_OVER: ${messageOf(thrown)}; what ran goes on`);
    } finally {
      this.#candidate = undefined;
    }
    // Asked to stop in that very moment, it was ended.
    if (!this.#isStopping) this.#replaceWith(candidate);
  }

  /** Has the process that serves end as a signal says; resolves to its exit code when all have ended. */
  async stop(signal: StopSignal): Promise<number> {
    this.#isStopping = true;
    this.#candidate?.kill();
    this.#child?.send({ type: "stop", signal });
    const [exitCode = 0] = await Promise.all([this.#child?.ended, ...this.#leaving]);
    return exitCode;
  }

  #replaceWith(candidate: SuccessorProcess): void {
    const before = this.#incumbent;
    this.#incumbent = candidate;
    this.#child = candidate;
    candidate.send({ type: "take-over" });
    this.#log.info("the successor has taken over", { pid: candidate.pid });
    void this.#watch(candidate);
    void this.#untilAlone(before, candidate);
  }

  async #untilAlone({ ended }: Incumbent, candidate: SuccessorProcess): Promise<void> {
    this.#leaving.add(ended);
    await ended;
    this.#leaving.delete(ended);
    candidate.send({ type: "alone" });
  }

  async #watch(child: SuccessorProcess): Promise<void> {
    const code = await child.ended;
    if (this.#child === child) this.#lost.resolve(code);
  }
}

/** A process that takes a runtime's place, and is one whose place is taken later. */
class SuccessorProcess implements Incumbent {
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<number>();
  #answer: ((message: FromSuccessor) => void) | undefined;

  constructor() {
    const [, main = "", ...args] = process.argv;
    const own = args.filter((argument) => argument !== SUCCESSOR_FLAG);
    this.#child = fork(main, [...own, SUCCESSOR_FLAG], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const late = setTimeout(() => this.#fail(`it did not serve within ${MAX_START_MS / 1000} seconds`), MAX_START_MS);
    this.#child.on("message", (raw) => {
      const message = readFromSuccessor(raw);
      if (message?.type === "failed") this.#fail(message.message);
      else if (message?.type === "ready") this.#ready.resolve();
      else if (message !== undefined) this.#answer?.(message);
    });
    this.#child.once("error", (thrown) => this.#fail(messageOf(thrown)));
    this.#child.once("exit", (code, signal) => {
      this.#fail("it ended");
      this.#ended.resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
    const onTime = (): void => clearTimeout(late);
    this.#ready.promise.then(onTime, onTime);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it serves; rejects when it will not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  async heldPorts(): Promise<HeldPorts> {
    const answer = await this.#ask({ type: "tell-ports" });
    if (answer.type !== "ports") throw new WasmletError("RUNTIME_HAND_OVER", "the runtime did not tell its ports");
    return answer.ports;
  }

  async stepDown(): Promise<void> {
    await this.#ask({ type: "step-down" });
  }

  send(message: ToSuccessor): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(message: ToSuccessor): Promise<FromSuccessor> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      void this.#ended.promise.then(() => reject(new Error("the process that serves has ended")));
      this.send(message);
    });
  }

  #fail(why: string): void {
    this.#ready.reject(new WasmletError("RUNTIME_HAND_OVER", `the successor cannot serve: ${why}`));
  }
}

/** What tells a process that it is to take another one's place. */
export const SUCCESSOR_FLAG = "--successor";

/** Whether the terminal that the process belongs to has been closed: SIGHUP then asks to end. */
export function isTerminalGone(): boolean {
  if (!process.stdout.isTTY && !process.stderr.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}
