const UNITS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1 };

/** Returns a time in seconds as people read it, with two significant digits: `85us`, `0.4ms`, `1.2s`. */
export function formatSeconds(seconds: number): string {
  const [unit, size] = seconds < 1e-4 ? ["us", 1e-6] : seconds < 1 ? ["ms", 1e-3] : ["s", 1];
  const value = seconds / size;
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))}${unit}`;
}

/** Returns the seconds of such a text; undefined for any other. */
export function parseSeconds(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit]!;
}

/** Returns the middle one of several such texts; undefined when there is none. */
export function medianStart(texts: readonly string[]): string | undefined {
  const sorted = texts
    .map((text) => ({ text, seconds: parseSeconds(text) }))
    .filter((time): time is { text: string; seconds: number } => time.seconds !== undefined)
    .toSorted((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)]?.text;
}
