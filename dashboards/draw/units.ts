/** Steps of a unit: from which value on it is told in which name, and by what it is divided then. */
const SCALES: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  s: [
    [60, " min"],
    [1, " s"],
    [1e-3, " ms"],
    [1e-6, " µs"],
    [1e-9, " ns"],
  ],
  bytes: [
    [2 ** 30, " GiB"],
    [2 ** 20, " MiB"],
    [2 ** 10, " KiB"],
    [1, " B"],
  ],
  short: [
    [1e9, " Bil"],
    [1e6, " Mil"],
    [1e3, " K"],
    [1, ""],
  ],
};
const SUFFIXES: Readonly<Record<string, string>> = { reqps: " req/s", ops: " ops/s" };

/** Returns a value as people read it, by one of Grafana's units. */
export function formatValue(value: number | undefined, unit: string, decimals?: number): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (unit === "bool_yes_no") return value === 0 ? "No" : "Yes";
  if (unit === "percentunit") return `${digits(value * 100, decimals)}%`;
  if (unit.startsWith("suffix:")) return `${digits(value, decimals)}${unit.slice("suffix:".length)}`;
  const suffix = SUFFIXES[unit];
  const scale = SCALES[unit] ?? SCALES["short"]!;
  if (value === 0) return `0${suffix ?? (unit === "short" ? "" : (scale.at(-1)?.[1] ?? ""))}`;
  const [divisor, name] = scale.find(([from]) => Math.abs(value) >= from) ?? scale.at(-1)!;
  return `${digits(value / divisor, decimals)}${name}${suffix ?? ""}`;
}

/** Three digits that count, unless it is said how many stand behind the point. */
function digits(value: number, decimals?: number): string {
  if (decimals !== undefined) return value.toFixed(decimals);
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
