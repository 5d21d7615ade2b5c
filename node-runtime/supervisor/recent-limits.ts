import type { Limit } from "../cell/limits.ts";

/** How long a limit counts after it last stopped something: as long as someone who looks may still see why. */
const RECENT_MS = 10 * 60_000;

/** Which limits have stopped something of one app lately. */
export class RecentLimits {
  readonly #lastMs = new Map<Limit, number>();

  /** These stopped something just now. */
  note(limits: Iterable<Limit>, nowMs: number): void {
    for (const limit of limits) this.#lastMs.set(limit, nowMs);
  }

  /** Returns those of the last ten minutes, by name. */
  recent(nowMs: number): Limit[] {
    for (const [limit, lastMs] of this.#lastMs) if (nowMs - lastMs >= RECENT_MS) this.#lastMs.delete(limit);
    return [...this.#lastMs.keys()].toSorted();
  }
}

/** Returns the reason and the message of a condition about such limits: `cpu_time` is `CpuTime`. */
export function limitsFinding(limits: readonly Limit[]): { status: "True" | "False"; reason: string; message: string } {
  const [first, ...others] = limits;
  if (first === undefined) {
    return { status: "False", reason: "WithinLimits", message: "no limit stopped anything in the last ten minutes" };
  }
  const reason =
    others.length > 0 ? "SeveralLimits" : first.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { status: "True", reason, message: `stopped something in the last ten minutes: ${limits.join(", ")}` };
}
