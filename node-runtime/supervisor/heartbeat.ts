import { BEAT_MS, type Beat } from "../cell/beat.ts";

/** A cell without a beat for this long is stopped, or starved of the processor as if it were: on a busy machine a thread waits. */
const SILENCE_MS = 2000;
/** A cell whose first beat has not come by then does not start. */
const START_MS = 60_000;
/** The host's own work for its guests, such as compiling a large program, never keeps the thread this long. */
const HOST_MS = 10_000;
/** A cell whose loop does not turn for this much longer than a request may take is stuck in a guest. */
const GUEST_SLACK_MS = 2000;

/** Why a cell is to be killed: it is silent, or nothing but a guest, or the host, has its thread. */
export type Stuck = "silent" | "guest" | "host";

/**
 * Judges one cell by its beats. Time is counted in ticks of the supervisor's own timer: a supervisor or a machine that stood
 * still has none, and reads what came meanwhile before the next.
 */
export class Heartbeat {
  #silentTicks = 0;
  #beat: Beat | undefined;

  /** What the cell said last. */
  get last(): Beat | undefined {
    return this.#beat;
  }

  /** Takes a beat. */
  note(beat: Beat): void {
    this.#beat = beat;
    this.#silentTicks = 0;
  }

  /** Takes a tick, one each `BEAT_MS`; returns why the cell must go. */
  tick(longestRequestMs: number): Stuck | undefined {
    const silentMs = this.#silentTicks++ * BEAT_MS;
    if (this.#beat === undefined) return silentMs >= START_MS ? "silent" : undefined;
    if (silentMs >= SILENCE_MS) return "silent";
    if (this.#beat.hostMs >= HOST_MS) return "host";
    return this.#beat.loopMs >= longestRequestMs + GUEST_SLACK_MS ? "guest" : undefined;
  }
}

/** What is known of how a cell ended. */
export interface End {
  stuck?: Stuck | undefined;
  signal: NodeJS.Signals | null;
  last: Beat | undefined;
}

/**
 * Returns the number of the app that ended its cell: it had the thread when the process crashed or had to be killed for it.
 * Undefined where that would be a guess: a signal from outside, and a cell that fell silent, are nobody's doing.
 */
export function culpritOf({ stuck, signal, last }: End): number | undefined {
  if (last === undefined || last.app === 0) return undefined;
  if (last.isStuck || stuck === "guest") return last.app;
  const isFromOutside = stuck !== undefined || signal === "SIGKILL" || signal === "SIGTERM";
  return isFromOutside ? undefined : last.app;
}
