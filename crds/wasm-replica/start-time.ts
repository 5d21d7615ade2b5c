const UNITS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1 };

/** Returns a duration of so many seconds with three digits: `0.412ms`, `1.2ms`, `2.5s`. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 1) return `${round(seconds)}s`;
  return `${round(seconds * 1000)}ms`;
}

/** Returns the middle one of several such texts; undefined when there is none. */
export function medianStart(texts: readonly string[]): string | undefined {
  const sorted = texts
    .map((text) => ({ text, seconds: parseSeconds(text) }))
    .filter((time): time is { text: string; seconds: number } => time.seconds !== undefined)
    .toSorted((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)]?.text;
}

function parseSeconds(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit]!;
}

function round(value: number): string {
  // Less than a nanosecond is no measurement; and a number that small would be written with an exponent.
  return value < 1e-6 ? "0" : String(Number(value.toPrecision(3)));
}
