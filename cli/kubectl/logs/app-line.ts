import * as v from "valibot";

/*
 * A node runtime writes one JSON object per line, for all apps of its node; the API server puts the time before it:
 *
 *     2026-01-01T00:00:00.123456789Z {"level":"info","time":"…","namespace":"default","app":"hello","stream":"stdout","msg":"hi"}
 *
 * Lines without `stream` are the runtime's own.
 */

/** A line that is about an app. */
export interface AppLine {
  /** As the kubelet wrote it down: RFC 3339 with nanoseconds. */
  time: string;
  /** What the app wrote it to; undefined for what the runtime says of the app. */
  stream?: "stdout" | "stderr" | undefined;
  message: string;
}

/** A line of a pod's log with its time, which orders lines and says where to go on. */
export interface StampedLine {
  time: string;
  /** Seconds since 1970 with nine digits behind the point: texts in the order of times. */
  order: string;
  text: string;
}

const Entry = v.object({
  msg: v.string(),
  app: v.string(),
  namespace: v.optional(v.string()),
  stream: v.optional(v.picklist(["stdout", "stderr"])),
  level: v.optional(v.string()),
});

/** Splits a line into its time and its text; undefined for one without a time. */
export function readStamp(line: string): StampedLine | undefined {
  const space = line.indexOf(" ");
  const time = space < 0 ? line : line.slice(0, space);
  const [, whole = "", fraction = "", zone = ""] = /^([^.Z+]+?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  const ms = Date.parse(`${whole}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  const order = `${String(ms / 1000).padStart(12, "0")}.${fraction.padEnd(9, "0")}`;
  return { time, order, text: space < 0 ? "" : line.slice(space + 1) };
}

/** Returns the line if it is about the app: written by it, or said of it by the runtime. */
export function readAppLine(
  { time, text }: StampedLine,
  app: { namespace: string; name: string },
): AppLine | undefined {
  // Most lines are other apps': to find that out costs less than to parse them.
  if (!text.includes(app.name)) return undefined;
  const entry = v.safeParse(Entry, parse(text));
  if (!entry.success) return undefined;
  const { namespace, app: name, stream, msg: message, level } = entry.output;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  if (key !== `${app.namespace}/${app.name}`) return undefined;
  if (stream === undefined) return { time, message: level === undefined ? message : `${level}: ${message}` };
  return { time, stream, message };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
