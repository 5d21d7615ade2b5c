import { formatBytes } from "./output.ts";
import { Progress, type ProgressStream } from "./progress.ts";

const BAR_WIDTH = 24;
/** Terminals are far away, some of them: no more is drawn than an eye sees. */
const MIN_INTERVAL_MS = 50;

/** Shows on a terminal how much of several transfers is done, as one bar; elsewhere nothing. */
export class TransferProgress {
  readonly #progress: Progress | undefined;
  readonly #transfers = new Map<string, { done: number; total: number }>();

  readonly #now: () => number;
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(stream: ProgressStream, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#progress = stream.isTTY === true ? new Progress(stream) : undefined;
  }

  /** Notes that `done` of `total` bytes of a transfer are there. */
  note(name: string, done: number, total: number): void {
    this.#transfers.set(name, { done, total });
    if (this.#progress === undefined || (done < total && this.#now() - this.#drawnMs < MIN_INTERVAL_MS)) return;
    this.#drawnMs = this.#now();
    this.#progress.show(describeTransfers([...this.#transfers.values()]));
  }

  /** Removes the bar. */
  end(): void {
    this.#progress?.clear();
  }
}

/** Returns a bar for transfers as a whole: `[=====     ] 1.5 MiB of 3.0 MiB`. */
export function describeTransfers(transfers: readonly { done: number; total: number }[]): string {
  const done = transfers.reduce((sum, transfer) => sum + transfer.done, 0);
  const total = transfers.reduce((sum, transfer) => sum + transfer.total, 0);
  const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH);
  return `[${"=".repeat(filled).padEnd(BAR_WIDTH)}] ${formatBytes(done)} of ${formatBytes(total)}`;
}
