/*
 * Prometheus' text format, as far as node runtimes write it: a line per series, `name{label="value",…} value`.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

/** The value of one series. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** Yields the series of some names; throws SyntaxError at the first line of them that is not of the format. */
export function* readMetrics(text: string, names: ReadonlySet<string>): Generator<Sample> {
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const nameEnd = text.slice(start, end).search(/[{ ]/);
    if (nameEnd > 0 && names.has(text.slice(start, start + nameEnd))) yield readSample(text.slice(start, end));
    start = end + 1;
  }
}

function readSample(line: string): Sample {
  const [, name = "", labels = "", number = ""] = LINE.exec(line) ?? [];
  const value = Number(number);
  if (name === "" || Number.isNaN(value)) throw new SyntaxError(`no series: ${line.slice(0, 200)}`);
  return { name, labels: readLabels(labels, line), value };
}

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new SyntaxError(`no labels: ${line.slice(0, 200)}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}
