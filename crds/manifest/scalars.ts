/*
 * Plain YAML scalars as kubectl reads them (sigs.k8s.io/yaml, which is go-yaml v2, which is mostly YAML 1.1), so that a
 * manifest means the same here and on a cluster: `yes`, `on` and `y` are booleans, `0777` is octal, dates are texts.
 */

const WORDS: ReadonlyMap<string, boolean | number | null> = new Map<string, boolean | number | null>([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((word) => [word, true] as const),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map((word) => [word, false] as const),
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, null] as const),
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((word) => [word, Infinity] as const),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, -Infinity] as const),
]);

const INTEGER = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?$/;

/** Returns what a plain scalar stands for. */
export function resolvePlainScalar(source: string): string | number | boolean | null {
  const word = WORDS.get(source);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(source)) return source;
  const digits = source.startsWith(".") ? source : source.replaceAll("_", "");
  const integer = resolveInteger(digits);
  if (integer !== undefined) return integer;
  // What no double can hold stays a text.
  return FLOAT.test(digits) && Number.isFinite(Number(digits)) ? Number(digits) : source;
}

function resolveInteger(digits: string): number | undefined {
  const match = INTEGER.exec(digits);
  if (match === null) return undefined;
  const [, sign, hex, octal, binary, decimal] = match;
  const magnitude =
    hex !== undefined
      ? Number(`0x${hex}`)
      : octal !== undefined
        ? Number(`0o${octal}`)
        : binary !== undefined
          ? Number(`0b${binary}`)
          : Number(decimal);
  return sign === "-" ? -magnitude : magnitude;
}
