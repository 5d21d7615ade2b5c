import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** Lines that are kept, to tell them when a machine does not start. */
const MAX_KEPT = 20;

/** What a machine says on its serial console, which is its emulator's standard output. */
export class MachineConsole {
  readonly #said: string[] = [];
  readonly #listeners = new Set<(line: string | undefined) => void>();
  #hasEnded = false;

  constructor(emulator: ChildProcess) {
    for (const stream of [emulator.stdout!, emulator.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => this.#hear(line));
    }
    emulator.on("exit", () => this.#hear(undefined));
    emulator.on("error", (error) => this.#hear(String(error)));
  }

  /** Waits until a line is said. Throws what was said instead when the emulator ends or time is up, or the signal's reason. */
  async until(expected: RegExp, limitMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#said.some((line) => expected.test(line))) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void => reject(new Error(`${why}; it said: ${this.#said.join(" | ") || "nothing"}`));
    const listen = (line: string | undefined): void => {
      if (line === undefined) fail(`the machine ended before it said ${expected}`);
      else if (expected.test(line)) resolve();
    };
    if (this.#hasEnded) listen(undefined);
    const timer = setTimeout(() => fail(`the machine did not say ${expected} within ${limitMs / 1000} s`), limitMs);
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", abort);
    this.#listeners.add(listen);
    await promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#listeners.delete(listen);
    });
  }

  #hear(line: string | undefined): void {
    if (line === undefined) this.#hasEnded = true;
    else if (this.#said.push(line.trim()) > MAX_KEPT) this.#said.shift();
    for (const listener of this.#listeners) listener(line?.trim());
  }
}
