/*
 * Two notations of Kubernetes: quantities (`64Mi`, apimachinery's resource.Quantity) and durations (`1m30s`, Go's
 * time.ParseDuration).
 */

const SUFFIX_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const QUANTITY = /^(\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,3})|([KMGTPE]i|[mkMGTPE]?))$/;
const DURATION_PART = /([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Returns the bytes of a Kubernetes quantity, rounded up to a whole one, or undefined where it is none or negative. */
export function parseQuantity(quantity: string | number): number | undefined {
  if (typeof quantity === "number") return quantity >= 0 && Number.isFinite(quantity) ? Math.ceil(quantity) : undefined;
  const match = QUANTITY.exec(quantity);
  if (match === null) return undefined;
  const [, digits = "", exponent, suffix = ""] = match;
  const bytes =
    exponent === undefined ? Number(digits) * (SUFFIX_BYTES[suffix] ?? Number.NaN) : Number(`${digits}e${exponent}`);
  return Number.isFinite(bytes) ? Math.ceil(bytes) : undefined;
}

/** Returns the milliseconds of a Go duration, which may be a fraction, or undefined where it is none or negative. */
export function parseDuration(duration: string): number | undefined {
  if (duration === "0") return 0;
  let milliseconds = 0;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < duration.length) {
    const match = DURATION_PART.exec(duration);
    if (match === null) return undefined;
    milliseconds += Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN);
  }
  return duration === "" ? undefined : milliseconds;
}
