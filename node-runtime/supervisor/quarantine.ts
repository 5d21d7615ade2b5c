/** An app that ended this many cells within this time is quarantined. One death may be bad luck, and a second one too. */
const DEATHS = 3;
const WINDOW_MS = 600_000;
/** Kubernetes' delays before a container that crashes is started again, and how long it must live for the first one. */
const FIRST_MS = 10_000;
const MAX_MS = 300_000;
const GOOD_LIFE_MS = 600_000;

/** What an app has to suffer for the cells that it ended. */
export interface Sentence {
  /** Cells that it ended since it last behaved. */
  deaths: number;
  /** Until it starts again, in a cell of its own. */
  delayMs: number;
}

interface Conduct {
  deathsMs: number[];
  isAlone: boolean;
  /** How many cells it ended since it last lived well. */
  count: number;
  nextDelayMs: number;
  /** When it starts again after its latest sentence. */
  startsMs: number;
}

/** Keeps account of the apps that are known to have ended cells: one record for each such app on the node. */
export class Quarantine {
  readonly #records = new Map<string, Conduct>();

  /** An app ended a cell at a time; returns what follows for it, if anything. */
  blame(id: string, nowMs: number): Sentence | undefined {
    const record = this.#records.get(id) ?? {
      deathsMs: [],
      isAlone: false,
      count: 0,
      nextDelayMs: FIRST_MS,
      startsMs: -Infinity,
    };
    this.#records.set(id, record);
    // A cell that it was still in when it was taken out of another: it is out already.
    if (nowMs < record.startsMs) return undefined;
    const livesSinceMs = Math.max(record.startsMs, record.deathsMs.at(-1) ?? -Infinity);
    if (nowMs - livesSinceMs >= GOOD_LIFE_MS) Object.assign(record, { deathsMs: [], count: 0, nextDelayMs: FIRST_MS });
    record.count++;
    record.deathsMs = [...record.deathsMs.filter((deathMs) => nowMs - deathMs < WINDOW_MS), nowMs].slice(-DEATHS);
    // Once sentenced, it has to live well first to be allowed several deaths again.
    if (record.nextDelayMs === FIRST_MS && record.deathsMs.length < DEATHS) return undefined;
    const delayMs = record.nextDelayMs;
    record.isAlone = true;
    record.nextDelayMs = Math.min(MAX_MS, delayMs * 2);
    record.startsMs = nowMs + delayMs;
    return { deaths: record.count, delayMs };
  }

  /** Whether the app has to have a cell of its own, until it is another one. */
  isAlone(id: string): boolean {
    return this.#records.get(id)?.isAlone === true;
  }

  /** The app has gone, or is another one now. */
  forget(id: string): void {
    this.#records.delete(id);
  }
}
