/** Returns how long ago a date in RFC 3339 was, as kubectl writes it: `45s`, `3m20s`, `5h`, `12d`, `2y30d`; empty without one. */
export function formatAge(date: string | undefined, nowMs: number): string {
  const seconds = Math.floor((nowMs - Date.parse(date ?? "")) / 1000);
  if (Number.isNaN(seconds)) return "";
  // Clocks of two machines differ.
  if (seconds < 0) return "0s";
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (days < 8) return two(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  return two(Math.floor(days / 365), "y", days % 365, "d");
}

function two(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;
}
