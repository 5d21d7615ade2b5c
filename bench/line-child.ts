import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { stopChild } from "./peers/peer.ts";

/*
 * A child that measures in its own process: one command a line in, one line of JSON out. Wasmlet's and wasmtime's speak the
 * same commands, so that their blocks take turns.
 */

const MAX_ERROR_CHARACTERS = 4000;

/** What a block of requests came to, as the child says. */
export interface BlockAnswer {
  latenciesNanos: number[];
  cpuNanos: number;
}

/** A child that answers one line at a time. */
export class LineChild {
  readonly #child: ChildProcess;
  readonly #command: string;
  #waiting: PromiseWithResolvers<string> | undefined;
  #errors = "";
  #ended: string | undefined;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#waiting?.resolve(line));
    this.#child.stderr!.on("data", (chunk) => {
      this.#errors = (this.#errors + String(chunk)).slice(-MAX_ERROR_CHARACTERS);
    });
    this.#child.stdin!.on("error", () => {}); // its end says more
    this.#child.on("error", (error) => this.#end(error.message));
    this.#child.on("close", (code, signal) => this.#end(`ended with ${code ?? signal}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a command and resolves to a block's answer; rejects when the child ends or answers something else. */
  async measure(command: string): Promise<BlockAnswer> {
    const answer = (await this.ask(command)) as Partial<BlockAnswer> | null;
    if (Array.isArray(answer?.latenciesNanos) && typeof answer.cpuNanos === "number") return answer as BlockAnswer;
    throw new Error(`expected latenciesNanos and cpuNanos for ${command}, got ${JSON.stringify(answer)}`);
  }

  /** Sends a command and resolves to the JSON that comes back. */
  async ask(command: string): Promise<unknown> {
    if (this.#ended !== undefined) throw new Error(this.#ended);
    this.#waiting = Promise.withResolvers<string>();
    this.#child.stdin!.write(`${command}\n`);
    return JSON.parse(await this.#waiting.promise);
  }

  stop(): Promise<void> {
    return stopChild(this.#child);
  }

  #end(how: string): void {
    this.#ended ??= `${this.#command} ${how}: ${this.#errors}`;
    this.#waiting?.reject(new Error(this.#ended));
  }
}
