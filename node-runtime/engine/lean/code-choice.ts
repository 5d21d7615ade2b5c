import type { CoreModule } from "../core-modules.ts";

/** Over how many calls it is found out how long an app's guests compute. */
const WINDOW_CALLS = 64;

/** One call in so many is timed: asking for the time twice costs a small guest's request 2 %. */
const TIMED_CALLS = 4;

/** What a full reset costs, for each MiB of memory. */
const RESET_MS_PER_MIB = 0.02;

/** Marks pay off up to calls that take this many full resets: they slow computing down by a few percent. */
const MAX_RESETS_PER_CALL = 20;

/** Calls shorter than this always have marks. */
const MIN_LONG_CALL_MS = 0.2;

/** A call counts for no more than this many long ones: it may be the machine that was slow. */
const MAX_LONG_CALLS = 20;

/** The modules of a program in two forms, and which of them new instances are made of. */
export interface Code {
  modules: readonly CoreModule[];
  /** Whether they mark what they write, so that a reset leaves the rest. */
  tracksWrites: boolean;
}

/** Returns whether guests compute so long that marking what they write costs more than resetting all of their memory. */
export function prefersFullResets(callsMs: readonly number[], memoryBytes: number): boolean {
  const resetMs = (memoryBytes / 2 ** 20) * RESET_MS_PER_MIB;
  const longMs = Math.max(MIN_LONG_CALL_MS, MAX_RESETS_PER_CALL * resetMs);
  const totalMs = callsMs.reduce((sum, callMs) => sum + Math.min(callMs, MAX_LONG_CALLS * longMs), 0);
  return totalMs > callsMs.length * longMs;
}

/**
 * Chooses a program's code by how long its calls take: with marks at first, and anew after every so many timed calls. Without
 * an alternative there is nothing to choose.
 */
export class CodeChoice {
  code: Code;
  #other: (() => Code) | undefined;
  #callsMs: number[] = [];
  #begun = 0;

  /** `plain` loads the modules without marks; it is called once, if at all. */
  constructor(code: Code, plain?: () => Code) {
    this.code = code;
    this.#other = plain;
  }

  /** A call begins; returns whether it is to be timed. */
  begin(): boolean {
    return this.#other !== undefined && this.#begun++ % TIMED_CALLS === 0;
  }

  /**
   * Takes a timed call into account; returns true when instances are made of other code from here on. Code that cannot be
   * loaded is no choice: its files may be gone or damaged, and requests go on with what there is.
   */
  note(callMs: number, memoryBytes: () => number): boolean {
    if (this.#other === undefined || this.#callsMs.push(callMs) < WINDOW_CALLS) return false;
    const tracksWrites = !prefersFullResets(this.#callsMs, memoryBytes());
    this.#callsMs = [];
    if (tracksWrites === this.code.tracksWrites) return false;
    const before = this.code;
    try {
      this.code = this.#other();
    } catch {
      this.#other = undefined;
      return false;
    }
    this.#other = () => before;
    return true;
  }
}
