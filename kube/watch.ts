/**
 * A watch is one response whose body never ends: a JSON document per line,
 *
 *     {"type":"ADDED","object":{…}}
 *     {"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4711"}}}
 *     {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}
 *
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import { failureOfStatus } from "./failure.ts";
import { KubeError } from "./kube-error.ts";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { readJson, readObject } from "./wire.ts";

/** One event of a watch. A bookmark says that everything up to a version has come; ERROR events are thrown. */
export type WatchEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; resourceVersion: string };

/** The longest line, in bytes: the API server takes objects of 3 MiB at the most. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Splits a body into lines; throws KUBE_UNREACHABLE when it ends within one, KUBE_REFUSED when one is too long. */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  what: string,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      yield pieces.length === 0 ? textOf(line) : textOf(Buffer.concat([...pieces, line]));
      pieces = [];
      bytes = 0;
      start = end + 1;
    }
    bytes += chunk.length - start;
    if (bytes > maxBytes) throw new KubeError("KUBE_REFUSED", `${what}: a line is longer than ${maxBytes} bytes`);
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
  if (bytes > 0) throw new KubeError("KUBE_UNREACHABLE", `${what}: the watch ended within a line`);
}

/** Reads a line of a watch; undefined for an event of a type that is not known. Throws what an ERROR event says. */
export function readEvent<T extends KubeObject>(
  resource: Resource<T>,
  line: string,
  what: string,
): WatchEvent<T> | undefined {
  const { type, object } = (readJson(line, what) ?? {}) as { type?: unknown; object?: unknown };
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object: readObject(resource, object, what) };
    case "BOOKMARK": {
      const version = (object as KubeObject | undefined)?.metadata?.resourceVersion;
      if (typeof version !== "string") throw new KubeError("KUBE_REFUSED", `${what}: a bookmark has no version`);
      return { type, resourceVersion: version };
    }
    case "ERROR":
      throw failureOfStatus(what, object);
    default:
      return undefined;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}
