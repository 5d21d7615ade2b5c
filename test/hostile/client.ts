import { get, open, read, type Answer } from "../harness.ts";

/** Returns what came of one GET, as expectations are written: the status, its error code or its body; or `cut`. */
export async function ask(url: string): Promise<string> {
  return outcomeOf(get(url));
}

/** Returns what came of one request with a body. */
export async function post(url: string, body: string | Uint8Array): Promise<string> {
  return outcomeOf(open(url, { method: "POST" }, body).then(read));
}

/** Tells an answer, or that it broke off, as expectations are written. */
export async function outcomeOf(answer: Promise<Answer>): Promise<string> {
  try {
    const { status, headers, body } = await answer;
    return `${status} ${String(headers["x-wasmlet-error"] ?? body)}`.trim();
  } catch {
    return "cut";
  }
}

/** Returns what came of many GETs one after another: how often which, as `99 × 200, 1 × cut`. */
export async function askTimes(url: string, times: number): Promise<string> {
  const outcomes: string[] = [];
  for (let count = 0; count < times; count++) outcomes.push(await ask(url));
  return tally(outcomes);
}

/** Returns how often which outcome came. */
export function tally(outcomes: readonly string[]): string {
  const groups = Map.groupBy(outcomes, (outcome) => outcome);
  return [...groups].map(([outcome, { length }]) => `${length} × ${outcome}`).join(", ");
}

/** Returns what came of many GETs at once. */
export async function askAtOnce(url: string, times: number): Promise<string> {
  return tally(await Promise.all(Array.from({ length: times }, () => ask(url))));
}
