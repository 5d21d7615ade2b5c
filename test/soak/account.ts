import type { KilledCell } from "./killed-cell.ts";

/** How a request ended that was not answered. */
export interface Failure {
  app: string;
  /** The client's port, 0 where it got no connection. */
  localPort: number;
  /** When its connection was begun, and when it failed, by `performance.now()`. */
  beganMs: number;
  failedMs: number;
  why: string;
}

/** How long a connection may be under way that this process does not know the port of. */
const CONNECT_MS = 1000;
/** How long after a cell's death its clients notice at the latest, on a machine that is busy. */
const NOTICE_MS = 5000;

/** What became of every request of a soak. */
export class Account {
  sent = 0;
  /** Answers by class: `2xx`. */
  readonly answered: Record<string, number> = {};
  /** Answers that are not among those that the app gives. */
  readonly unexpected: string[] = [];
  readonly #failures: Failure[] = [];
  readonly #killed: KilledCell[] = [];

  /** Notes an answer. */
  answer(app: string, status: number, expected: readonly number[], error: string): void {
    const name = `${Math.floor(status / 100)}xx`;
    this.answered[name] = (this.answered[name] ?? 0) + 1;
    if (!expected.includes(status)) this.unexpected.push(`${app}: ${status} ${error}`);
  }

  fail(failure: Failure): void {
    this.#failures.push(failure);
  }

  killed(cell: KilledCell): void {
    this.#killed.push(cell);
  }

  /** Returns where every request went. To be called when none is under way. */
  close(): Closing {
    const [inCell, inQueue, lost]: Failure[][] = [[], [], []];
    for (const failure of this.#failures) {
      const near = this.#killed.filter((cell) => isNear(failure, cell));
      if (near.some((cell) => wasConnected(failure, cell))) inCell!.push(failure);
      else if (near.some((cell) => wasInQueue(failure, cell))) inQueue!.push(failure);
      else lost!.push(failure);
    }
    const answered = Object.values(this.answered).reduce((sum, count) => sum + count, 0);
    const noted = answered + this.#failures.length;
    return {
      sent: this.sent,
      answered: this.answered,
      failedInKilledCell: inCell!.length,
      failedInItsQueue: inQueue!.length,
      lost: lost!.length + this.sent - noted,
      losses: [
        ...lost!.map((one) => this.#describe(one)),
        ...(this.sent === noted ? [] : [`${this.sent - noted} of which nobody knows`]),
      ],
      unexpected: this.unexpected,
    };
  }

  #describe({ app, why, localPort, beganMs, failedMs }: Failure): string {
    const before = this.#killed.findLast(({ stoppedMs }) => stoppedMs <= failedMs);
    const ago = (ms: number): string => `${Math.round(failedMs - ms)} ms`;
    const killed =
      before === undefined ? "no cell was killed before" : `a cell was killed ${ago(before.stoppedMs)} before`;
    return `${app}: ${why} on port ${localPort}, begun ${ago(beganMs)} before, and ${killed}`;
  }
}

/** Where the requests of a soak went. */
export interface Closing {
  sent: number;
  answered: Record<string, number>;
  /** Their connection was one that a killed cell had accepted. */
  failedInKilledCell: number;
  /** The kernel had made their connection, or was about to, for a cell that was killed before it accepted it. */
  failedInItsQueue: number;
  /** All others: neither answered nor explained. */
  lost: number;
  losses: string[];
  unexpected: string[];
}

/** A port may be used again: by then the connection that had it before is long gone. */
function isNear({ beganMs, failedMs }: Failure, { stoppedMs, goneMs }: KilledCell): boolean {
  return beganMs <= goneMs && failedMs >= stoppedMs && failedMs <= goneMs + NOTICE_MS;
}

function wasConnected({ localPort }: Failure, { accepted }: KilledCell): boolean {
  return accepted.has(localPort);
}

function wasInQueue({ localPort, beganMs }: Failure, { queued, stoppedMs }: KilledCell): boolean {
  return queued.has(localPort) || beganMs >= stoppedMs - (localPort === 0 ? CONNECT_MS : 0);
}
