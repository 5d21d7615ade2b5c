import type { Probe } from "./probe.ts";

/*
 * What is compared: ways to start the same program. All are measured alike, from the instant the start is asked for until the
 * first successful answer, with the same probe on the same machine.
 */

/** What runs the program. `process` is the program by itself: what all others add to. */
export type Technology = "wasm" | "container" | "vm" | "process";

/** One way to start the program, as tables and labels name it. */
export interface Contender {
  /** As `--technologies` names it: `wasm-wake`, `crun`. */
  name: string;
  technology: Technology;
  /** What starts it: `v8`, `crun`, `qemu`. */
  runtime: string;
  /** Whether what is started has been on the machine before. */
  cache: "warm" | "cold";
  /** What runs a virtual machine's instructions. */
  accelerator: "none" | "kvm" | "tcg";
  /** What is started, for people. */
  what: string;
}

/** Bytes that the program takes to get and to keep; null where that is unknown. */
export interface Sizes {
  pullBytes: number | null;
  diskBytes: number | null;
}

/** A contender that can be started here. Starts come one after another. */
export interface Driver extends AsyncDisposable {
  readonly contender: Contender;
  /** How many starts are enough where one takes long; as many as are asked for unless given. */
  readonly maxSamples?: number;
  sizes(): Promise<Sizes>;
  /** Starts the program once and waits for its answer; throws where none comes. */
  start(probe: Probe): Promise<Running>;
}

/** A program that has answered. */
export interface Running {
  readonly url: string;
  /** Seconds of each phase, in their order: together they are the start. */
  readonly phases: Readonly<Record<string, number>>;
  /** Bytes of memory that are there because it was started; null where that is unknown. */
  memoryBytes(): Promise<number | null>;
  /** Seconds of CPU time that it has used so far; null where that is unknown. */
  cpuSeconds(): Promise<number | null>;
  /** Ends it, and removes what it left. */
  stop(): Promise<void>;
}

/** Says why a contender cannot be started here. It is left out: nothing is ever estimated. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Takes the time of phases. */
export class Stopwatch {
  readonly phases: Record<string, number> = {};
  #lastMs = performance.now();

  /** Ends a phase now, or at a moment that was taken before. */
  mark(phase: string, atMs = performance.now()): void {
    this.phases[phase] = (this.phases[phase] ?? 0) + (atMs - this.#lastMs) / 1000;
    this.#lastMs = atMs;
  }
}
