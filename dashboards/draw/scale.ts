/** How values become places on an axis. */
export interface Scale {
  /** 0 at the lower end of the axis, 1 at the upper. */
  place: (value: number) => number;
  ticks: number[];
}

/** Returns a scale from 0, or from below where there are negative values. Steps of bytes are powers of 2. */
export function linearScale(values: readonly number[], unit = "short", count = 4): Scale {
  const low = Math.min(0, ...values);
  const highest = Math.max(...values, low);
  const rough = (highest - low || 4) / count;
  const step = unit === "bytes" ? 2 ** Math.ceil(Math.log2(rough)) : niceStep(rough);
  const high = Math.max(Math.ceil((highest - low) / step) * step + low, low + step);
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => low + index * step);
  return { place: (value) => (value - low) / (high - low), ticks };
}

/** Returns a scale of whole decades, or of 1, 2, 5 where everything lies within little more than one. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return linearScale([1]);
  const low = Math.floor(Math.log10(Math.min(...positive)) + 1e-9);
  const high = Math.max(Math.ceil(Math.log10(Math.max(...positive)) - 1e-9), low + 1);
  const steps = high - low <= 2 ? [1, 2, 5] : [1];
  const decades = Array.from({ length: high - low }, (_, index) => 10 ** (low + index));
  const ticks = [...decades.flatMap((decade) => steps.map((step) => decade * step)), 10 ** high];
  return { place: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low), ticks };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return step * power;
}
