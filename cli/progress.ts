import { printable } from "./output.ts";

/** The part of a terminal that is written to. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = "\r\u001B[K";
const DEFAULT_COLUMNS = 80;

/** Says what takes long: one line that changes on a terminal, a line per step elsewhere. */
export class Progress {
  readonly #stream: ProgressStream;
  /** Whether a line that changes is shown. */
  readonly isLive: boolean;
  #line = "";

  constructor(stream: ProgressStream, { isLive = stream.isTTY === true } = {}) {
    this.#stream = stream;
    this.isLive = isLive;
  }

  /** Shows the step; the same one twice is shown once. */
  show(step: string): void {
    const line = printable(step);
    if (line === this.#line) return;
    this.#line = line;
    if (this.isLive) this.#draw();
    else this.#stream.write(`${line}\n`);
  }

  /** Prints a line that stays, above the one that changes. */
  print(line: string): void {
    if (this.isLive && this.#line !== "") this.#stream.write(CLEAR_LINE);
    this.#stream.write(`${line}\n`);
    if (this.isLive && this.#line !== "") this.#draw();
  }

  /** Removes the line that changes. */
  clear(): void {
    if (this.isLive && this.#line !== "") this.#stream.write(CLEAR_LINE);
    this.#line = "";
  }

  #draw(): void {
    // A line that wraps could not be cleared.
    // Some terminals say that they have 0 columns.
    const columns = (this.#stream.columns || DEFAULT_COLUMNS) - 1;
    const fits = this.#line.length <= columns;
    this.#stream.write(CLEAR_LINE + (fits ? this.#line : `${this.#line.slice(0, columns - 1)}…`));
  }
}
